"""Which features are like the selected one: by decoder direction, and by the tokens they share."""

import asyncio
from typing import TYPE_CHECKING

from brainsurg_tui.screens.choice import Choice, ChoiceDialog
from brainsurg_tui.state.feature_view import FeatureView
from engine.errors import UserError
from engine.service.protocol import GetCoactive, GetNearest, Relatives, Reply, SAEInfo

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

_PAUSE = 0.2
"""Seconds that a feature is looked at before its relatives are asked for."""
_MOST = 50
_KEYS = "abcdefghijklmnopqrstuvwxyz"


class RelativesController:
    """They are asked for while the detail is open, and only then."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app
        self._warned: set[str] = set()

    def fetch(self) -> None:
        """Ask for the relatives of the selected feature, unless that was answered."""
        view = self._app.state.feature_view
        if view is None or self._app.main.active != "detail":
            return
        if view.nearest is None:
            self._app.begin("nearest", self._nearest, view, self._app.state.other_sae)
        if view.coactive is None:
            self._app.begin("coactive", self._coactive, view)

    async def _nearest(self, view: FeatureView, other: str | None) -> None:
        await asyncio.sleep(_PAUSE)
        request = GetNearest(
            sae=view.sae,
            feature=view.feature,
            other=other,
            most=_MOST,
            device=self._app.device,
        )
        view.nearest = await self._answer(request)
        if isinstance(view.nearest, Relatives):
            self._warn(view.nearest.warnings)
        self._app.show("detail")

    async def _coactive(self, view: FeatureView) -> None:
        await asyncio.sleep(_PAUSE)
        request = GetCoactive(sae=view.sae, feature=view.feature, most=_MOST)
        view.coactive = await self._answer(request)
        self._app.show("detail")

    def _warn(self, warnings: list[str]) -> None:
        """Say what to know before believing an answer, once and not at every feature."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self._app.say(warning, "warning")

    async def _answer(self, request: Reply[Relatives]) -> Relatives | str:
        try:
            return await self._app.ask(request)
        except UserError as mistake:
            return str(mistake)

    # Another SAE

    def choose_sae(self) -> None:
        """Let the user choose in which SAE to look for the nearest."""
        state = self._app.state
        here = state.sae_info()
        if here is None:
            return
        others = [sae for sae in state.contents.saes if sae is here or _comparable(sae, here)]
        if len(others) == 1:
            self._app.say(
                f"There is no other SAE of {here.model} at {here.site} with {here.d_in} inputs.",
                "warning",
            )
            return
        answers = [
            Choice(key, f"{sae.name}  {sae.arch}, {sae.d_sae:,} features", sae.name)
            for key, sae in zip(_KEYS, others, strict=False)
        ]
        self._app.push_screen(ChoiceDialog("Nearest features in", "", answers), self._chose)

    def _chose(self, name: str | None) -> None:
        state = self._app.state
        if name is None or state.feature_view is None:
            return
        state.other_sae = None if name == state.sae else name
        state.feature_view.nearest = None
        self._app.show("detail")
        self.fetch()


def _comparable(sae: SAEInfo, other: SAEInfo) -> bool:
    """Whether their decoder directions lie in the same space."""
    return (sae.model, sae.site, sae.d_in) == (other.model, other.site, other.d_in)
