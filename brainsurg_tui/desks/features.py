"""Choosing an SAE and its features, and naming them."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from brainsurg_tui.escapes import meant, written
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state import Change
from engine.service.protocol import GetFeature, GetFeatureTable, LabelFeature

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

_PAUSE = 0.06
"""Seconds that the cursor rests on a feature before its snippets are asked for."""


class FeatureDesk:
    """Answers that come late are dropped: the state knows what is wanted by then."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def choose_sae(self, name: str) -> None:
        """Work with another SAE."""
        if self._app.state.choose_sae(name):
            self._app.show()
            self.load()

    def load(self) -> None:
        """Ask for the feature table of the selected SAE, if it has one."""
        sae = self._app.state.sae_info()
        if sae is not None and sae.scanned:
            self._app.begin("table", self._load, sae.name)

    async def _load(self, sae: str) -> None:
        app = self._app
        table = await app.ask(GetFeatureTable(sae=sae))
        if not app.state.take_table(table):
            return
        remembered = app.workspace_memory
        if app.state.feature is None and remembered.sae == sae and remembered.feature is not None:
            app.bench.show(app.state, "features")
            app.bench.features.table.select(remembered.feature)
        app.show()
        self._fetch()

    def choose(self, feature: int) -> None:
        """Look at a feature."""
        if self._app.state.choose_feature(feature):
            self._app.show("snippets")
            self._fetch()

    def _fetch(self) -> None:
        state = self._app.state
        if state.sae is not None and state.feature is not None:
            self._app.begin("feature", self._look, state.sae, state.feature)

    async def _look(self, sae: str, feature: int) -> None:
        await asyncio.sleep(_PAUSE)
        detail = await self._app.ask(GetFeature(sae=sae, feature=feature))
        if self._app.state.take_detail(sae, detail):
            self._app.show("snippets")

    def visit(self, step: int) -> None:
        """Back or forth among the features looked at."""
        if (feature := self._app.state.visit(step)) is not None:
            self._app.show("features", "snippets")
            self._app.bench.features.table.select(feature)
            self._fetch()

    # Labels

    def label(self, feature: int) -> None:
        """Let the user name a feature."""
        state = self._app.state
        if state.sae is None:
            return
        field = Field(
            "label", "label", written(state.label(feature)), "What it answers to; empty: no name."
        )
        send = partial(self._label, state.sae, feature)
        self._app.push_screen(Form(f"Feature {feature}", [field], send, verb="save"))

    async def _label(self, sae: str, feature: int, values: dict[str, str]) -> None:
        state = self._app.state
        before = LabelFeature(sae=sae, feature=feature, text=state.label(feature))
        after = LabelFeature(sae=sae, feature=feature, text=meant(values["label"]))
        await self._app.ask(after)
        state.did(Change(f"label feature {feature}", before, after))
        state.take_label(sae, feature, after.text)
        self._app.show("features", "snippets")
