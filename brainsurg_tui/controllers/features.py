"""Choosing an SAE and one of its features, and which of them are seen."""

import asyncio
import contextlib
from dataclasses import replace

from brainsurg_tui.controllers.relatives import RelativesController
from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.state.feature_filter import FeatureFilter
from brainsurg_tui.state.visits import FeatureRef
from engine.errors import UserError
from engine.service.protocol import GetFeature, GetFeatureTable, GetNotes, MatchFeatures, Scan

_PAUSE = 0.06
"""Seconds that the cursor rests on a feature before its snippets are asked for."""
_TYPING = 0.12
"""Seconds without another key before the engine is asked what a filter lets through."""


class FeatureController:
    """Chooses SAE, feature and filter, and fetches what the panes show of them; late answers are
    dropped, for the state knows what is wanted by then."""

    def __init__(self, shell: Shell, relatives: RelativesController) -> None:
        self._shell = shell
        self._relatives = relatives
        self._next: FeatureRef | None = None
        """The feature to select when the table of its SAE is there."""

    def choose_sae(self, name: str) -> None:
        """Use another SAE, and ask for its features."""
        if self._shell.state.choose_sae(name):
            self.load()

    def load(self) -> None:
        """Ask for the feature table of the selected SAE, if it has one."""
        sae = self._shell.state.sae_info()
        if sae is not None and sae.scanned:
            self._shell.begin("table", self._load, sae.name)
        elif sae is not None and self._is_scanned_now(sae.name):
            self._shell.begin("table", self._load_if_there, sae.name)

    def _is_scanned_now(self, sae: str) -> bool:
        """Whether a scan goes on, which may have published what it found so far."""
        specs = [job.spec for job in self._shell.state.jobs.running()]
        return any(isinstance(spec, Scan) and spec.sae == sae for spec in specs)

    async def _load_if_there(self, sae: str) -> None:
        with contextlib.suppress(UserError):  # nothing is published yet
            await self._load(sae)

    async def _load(self, sae: str) -> None:
        shell, state = self._shell, self._shell.state
        table = await shell.ask(GetFeatureTable(sae=sae))
        feature_filter = await self._match(sae, shell.main.features.pattern)
        if not state.set_table(table):
            return
        self._set_filter(feature_filter)
        if (wanted := self._feature_to_begin_with(sae)) is not None and wanted < table.features:
            state.choose_feature(wanted)
        self._fetch()

    def load_notes(self) -> None:
        """Ask what is written down about the features: a fraction of the table."""
        if self._shell.state.table is None:
            self.load()
        else:
            self._shell.begin("notes", self._load_notes, self._shell.state.table.sae)

    async def _load_notes(self, sae: str) -> None:
        notes = (await self._shell.ask(GetNotes(sae=sae))).notes
        self._shell.state.set_notes(sae, notes)

    def _feature_to_begin_with(self, sae: str) -> int | None:
        """The feature to begin with, in an SAE that was chosen just now."""
        wanted, self._next = self._next, None
        remembered = self._shell.workspace_memory
        if wanted is not None and wanted.sae == sae:
            return wanted.feature
        fresh = self._shell.state.feature is None and remembered.sae == sae
        return remembered.feature if fresh else None

    # The filter

    def filter(self, text: str) -> None:
        """Show only the features that the filter `text` lets through, once it can be read."""
        state = self._shell.state
        if text.strip() and state.sae is not None:
            self._shell.begin("filter", self._filter, state.sae, text)
        else:
            self._shell.cancel("filter")
            state.set_filter(FeatureFilter())

    async def _filter(self, sae: str, text: str) -> None:
        await asyncio.sleep(_TYPING)
        feature_filter = await self._match(sae, text)
        if sae == self._shell.state.sae:
            self._set_filter(feature_filter)

    async def _match(self, sae: str, text: str) -> FeatureFilter:
        """What a filter lets through; where it can't be read, what the last one did, and why."""
        if not text.strip():
            return FeatureFilter()
        try:
            matches = await self._shell.ask(MatchFeatures(sae=sae, filter=text))
        except UserError as mistake:
            return replace(self._shell.state.feature_filter, fault=str(mistake))
        return FeatureFilter(text, matches)

    def _set_filter(self, feature_filter: FeatureFilter) -> None:
        """A filter that can't be read stays open, to be mended; where nobody is at it any more, the
        last one that could be read holds."""
        pane = self._shell.main.features
        if feature_filter.fault and not pane.filtering and pane.table.has_focus:
            pane.reopen_filter()
        elif feature_filter.fault and not pane.filtering:
            self._shell.say(feature_filter.fault, "error")
            feature_filter = replace(feature_filter, fault="")
            pane.use_filter(feature_filter.text)
        self._shell.state.set_filter(feature_filter)

    # One feature

    def choose(self, feature: int) -> None:
        """Select a feature of the SAE in use, and ask for its detail."""
        if self._shell.state.choose_feature(feature):
            self._fetch()

    def go_to(self, feature: FeatureRef) -> None:
        """Select a feature of any SAE, which is used from then on."""
        if feature.sae == self._shell.state.sae:
            self.choose(feature.feature)
        else:
            self._next = feature
            self.choose_sae(feature.sae)

    def visit(self, step: int) -> None:
        """Go back (-1) or forward again (1) among the features looked at."""
        if (feature := self._shell.state.visit(step)) is not None:
            self.go_to(feature)
        else:
            when = "before" if step < 0 else "after"
            self._shell.say(f"No feature was looked at {when} this one.")

    def step(self, rows: int) -> None:
        """Go on by so many rows in the list that the feature was opened from."""
        self._shell.main.listing.step(rows)

    def _fetch(self) -> None:
        state = self._shell.state
        if state.sae is not None and state.feature is not None:
            self._shell.begin("feature", self._fetch_detail, state.sae, state.feature)
            self._relatives.fetch()

    async def _fetch_detail(self, sae: str, feature: int) -> None:
        await asyncio.sleep(_PAUSE)
        detail = await self._shell.ask(GetFeature(sae=sae, feature=feature))
        self._shell.state.set_detail(sae, detail)
