"""Which features are like the selected one: by decoder direction, and by the tokens they share."""

import asyncio

from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.screens.choice import Choice, ChoiceDialog
from brainsurg_tui.state.feature_view import FeatureView
from engine.errors import UserError
from engine.service.protocol import GetCoactive, GetNearest, Relatives, Request, SAEInfo

_PAUSE = 0.2
"""Seconds that a feature is looked at before its relatives are asked for."""
_MOST = 50
_KEYS = "abcdefghijklmnopqrstuvwxyz"


class RelativesController:
    """Fetches the relatives of the selected feature, while its detail is open."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._warned: set[str] = set()

    def fetch(self) -> None:
        """Ask for the relatives of the selected feature, unless that was answered."""
        view = self._shell.state.feature_view
        if view is None or self._shell.main.active != "detail":
            return
        if view.nearest is None:
            self._shell.begin("nearest", self._nearest, view, self._shell.state.other_sae)
        if view.coactive is None:
            self._shell.begin("coactive", self._coactive, view)

    async def _nearest(self, view: FeatureView, other: str | None) -> None:
        await asyncio.sleep(_PAUSE)
        request = GetNearest(
            sae=view.sae,
            feature=view.feature,
            other=other,
            most=_MOST,
            device=self._shell.device,
        )
        answer = await self._answer(request)
        if isinstance(answer, Relatives):
            self._warn(answer.warnings)
        self._shell.state.set_nearest(view, answer)

    async def _coactive(self, view: FeatureView) -> None:
        await asyncio.sleep(_PAUSE)
        request = GetCoactive(sae=view.sae, feature=view.feature, most=_MOST)
        self._shell.state.set_coactive(view, await self._answer(request))

    def _warn(self, warnings: list[str]) -> None:
        """Say what to know before believing an answer, once and not at every feature."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self._shell.say(warning, "warning")

    async def _answer(self, request: Request[Relatives]) -> Relatives | str:
        try:
            return await self._shell.ask(request)
        except UserError as mistake:
            return str(mistake)

    # Another SAE

    def choose_sae(self) -> None:
        """Let the user choose in which SAE to look for the nearest."""
        state = self._shell.state
        here = state.sae_info()
        if here is None:
            return
        others = [sae for sae in state.contents.saes if sae is here or _comparable(sae, here)]
        if len(others) == 1:
            self._shell.say(
                f"There is no other SAE of {here.model} at {here.site} with {here.d_in} inputs.",
                "warning",
            )
            return
        answers = [
            Choice(key, f"{sae.name}  {sae.arch}, {sae.d_sae:,} features", sae.name)
            for key, sae in zip(_KEYS, others, strict=False)
        ]
        self._shell.push_screen(ChoiceDialog("Nearest features in", "", answers), self._on_choice)

    def _on_choice(self, name: str | None) -> None:
        if name is not None and self._shell.state.feature_view is not None:
            self._shell.state.choose_other_sae(name)
            self.fetch()


def _comparable(sae: SAEInfo, other: SAEInfo) -> bool:
    """Whether their decoder directions lie in the same space."""
    return (sae.model, sae.site, sae.d_in) == (other.model, other.site, other.d_in)
