"""Choosing an SAE and one of its features, and which of them are seen."""

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from brainsurg_tui.state.feature_filter import FeatureFilter
from brainsurg_tui.state.visits import FeatureRef
from engine.errors import UserError
from engine.service.protocol import GetFeature, GetFeatureTable, GetNotes, MatchFeatures, Scan

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

_PAUSE = 0.06
"""Seconds that the cursor rests on a feature before its snippets are asked for."""
_TYPING = 0.12
"""Seconds without another key before the engine is asked what a filter lets through."""


class FeatureController:
    """Answers that come late are dropped: the state knows what is wanted by then."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app
        self._wanted: FeatureRef | None = None

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
        elif sae is not None and self._is_scanned_now(sae.name):
            self._app.begin("table", self._load_if_there, sae.name)

    def _is_scanned_now(self, sae: str) -> bool:
        """Whether a scan goes on, which may have published what it found so far."""
        specs = [job.spec for job in self._app.state.running()]
        return any(isinstance(spec, Scan) and spec.sae == sae for spec in specs)

    async def _load_if_there(self, sae: str) -> None:
        with contextlib.suppress(UserError):  # nothing is published yet
            await self._load(sae)

    async def _load(self, sae: str) -> None:
        app, state = self._app, self._app.state
        table = await app.ask(GetFeatureTable(sae=sae))
        feature_filter = await self._match(sae, app.main.features.pattern)
        if not state.take_table(table):
            return
        self._take(feature_filter)
        if state.feature_view is not None and isinstance(state.feature_view.coactive, str):
            state.feature_view.coactive = None  # what a scan could not tell yet, it may tell now
        if (wanted := self._wanted_of(sae)) is not None and wanted < table.features:
            state.choose_feature(wanted)
        app.show()
        self._fetch()

    def load_notes(self) -> None:
        """Ask what is written down about the features: a fraction of the table."""
        if self._app.state.table is None:
            self.load()
        else:
            self._app.begin("notes", self._load_notes, self._app.state.table.sae)

    async def _load_notes(self, sae: str) -> None:
        notes = (await self._app.ask(GetNotes(sae=sae))).notes
        if self._app.state.take_notes(sae, notes):
            self._app.show("features", "snippets", "detail", "findings")

    def _wanted_of(self, sae: str) -> int | None:
        """The feature to begin with, in an SAE that was chosen just now."""
        wanted, self._wanted = self._wanted, None
        remembered = self._app.workspace_memory
        if wanted is not None and wanted.sae == sae:
            return wanted.feature
        fresh = self._app.state.feature is None and remembered.sae == sae
        return remembered.feature if fresh else None

    # The filter

    def filter(self, text: str) -> None:
        """Show only the features that this lets through, once it can be read."""
        state = self._app.state
        if text.strip() and state.sae is not None:
            self._app.begin("sift", self._filter, state.sae, text)
        else:
            self._app.workers.cancel_group(self._app, "sift")
            state.feature_filter = FeatureFilter()
            self._app.show("features")

    async def _filter(self, sae: str, text: str) -> None:
        await asyncio.sleep(_TYPING)
        feature_filter = await self._match(sae, text)
        if sae == self._app.state.sae:
            self._take(feature_filter)
            self._app.show("features")

    async def _match(self, sae: str, text: str) -> FeatureFilter:
        """What a filter lets through; where it can't be read, what the last one did, and why."""
        if not text.strip():
            return FeatureFilter()
        try:
            matches = await self._app.ask(MatchFeatures(sae=sae, filter=text))
        except UserError as mistake:
            return replace(self._app.state.feature_filter, fault=str(mistake))
        return FeatureFilter(text, matches)

    def _take(self, feature_filter: FeatureFilter) -> None:
        """A filter that can't be read stays open, to be mended; where nobody is at it any more, the
        last one that could be read holds."""
        pane = self._app.main.features
        if feature_filter.fault and not pane.filtering and pane.table.has_focus:
            pane.mend()
        elif feature_filter.fault and not pane.filtering:
            self._app.say(feature_filter.fault, "error")
            feature_filter = replace(feature_filter, fault="")
            pane.fall_back(feature_filter.text)
        self._app.state.feature_filter = feature_filter

    # One feature

    def choose(self, feature: int) -> None:
        """Look at a feature."""
        if self._app.state.choose_feature(feature):
            self._app.show("features", "snippets", "detail", "findings")
            self._fetch()

    def go(self, place: FeatureRef) -> None:
        """Look at a feature of any SAE."""
        if place.sae == self._app.state.sae:
            self.choose(place.feature)
        else:
            self._wanted = place
            self.choose_sae(place.sae)

    def visit(self, step: int) -> None:
        """Back or forth among the features looked at."""
        if (place := self._app.state.visit(step)) is not None:
            self.go(place)
        else:
            when = "before" if step < 0 else "after"
            self._app.say(f"No feature was looked at {when} this one.")

    def step(self, rows: int) -> None:
        """The next or previous feature of the list that this one was opened from."""
        self._app.main.listing.step(rows)

    def _fetch(self) -> None:
        state = self._app.state
        if state.sae is not None and state.feature is not None:
            self._app.begin("feature", self._look, state.sae, state.feature)
            self._app.controllers.relatives.fetch()

    async def _look(self, sae: str, feature: int) -> None:
        await asyncio.sleep(_PAUSE)
        detail = await self._app.ask(GetFeature(sae=sae, feature=feature))
        if self._app.state.take_detail(sae, detail):
            self._app.show("snippets", "detail")
