"""Progress of many pieces of work that are alike, and would say the same sentences each."""

from collections.abc import Mapping

from engine.progress import Progress


class NotesOnce:
    """Progress that passes everything on, but each note only the first time."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._noted: set[str] = set()

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        self._progress(phase, done, total, unit, metrics)

    def note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._progress.note(text)

    @property
    def interrupted(self) -> bool:
        return self._progress.interrupted
