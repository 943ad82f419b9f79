"""The clamp that is prepared, the report on it, and whether that is awaited."""

import msgspec

from brainsurg_tui.state.clamp_draft import ClampDraft
from brainsurg_tui.state.parts import Publish, Published
from engine.service.protocol import ClampReport, Progressed


class ClampState(Published):
    """A draft, and the last report; a report on another draft stays until it is replaced."""

    def __init__(self, publish: Publish) -> None:
        super().__init__(publish)
        self.draft = ClampDraft()
        self.report: ClampReport | None = None
        """What the last clamp changed."""
        self.sae: str | None = None
        """The SAE that the report is about."""
        self.progress: Progressed | None = None
        """How far the engine is with the clamp; None while no report is awaited."""

    def clear(self) -> None:
        """Forget edits and report, whose features are of another SAE than the one now in use."""
        self.draft = msgspec.structs.replace(self.draft, edits=())
        self.report = None
        self._publish("clamp")

    def set_draft(self, draft: ClampDraft) -> None:
        """Replace the clamp that is prepared; without edits there is no report either."""
        self.draft = draft
        if not draft.edits:
            self.report = None
        self._publish("clamp")

    def begin(self) -> None:
        """Await a report on the draft."""
        self.progress = Progressed(phase="waiting", done=0)
        self._publish("clamp")

    def set_report(self, sae: str, draft: ClampDraft, report: ClampReport) -> None:
        """Take the report on a draft, unless another is prepared by now."""
        if draft == self.draft:
            self._replace(sae, report)

    def open(self, sae: str, draft: ClampDraft | None, report: ClampReport) -> None:
        """Show an earlier report and its draft, without which nothing is prepared any more."""
        self.draft = draft or msgspec.structs.replace(self.draft, edits=())
        self._replace(sae, report)

    def _replace(self, sae: str, report: ClampReport) -> None:
        self.sae, self.report = sae, report
        self._publish("clamp")

    def report_progress(self, progress: Progressed) -> None:
        """The engine is so far with the clamp, if one is awaited."""
        if self.progress is not None:
            self.progress = progress
            self._publish("clamp_progress")

    def end(self) -> None:
        """No report on a clamp is awaited any more."""
        self.progress = None
        self._publish("clamp")
