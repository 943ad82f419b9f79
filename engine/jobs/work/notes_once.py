"""Progress of many alike pieces of work, which would say the same of themselves."""

from collections.abc import Mapping

from engine.progress import Progress


class OnceEach:
    """Passes on what it is told, and every sentence only the first time."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._said: set[str] = set()

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
        if text not in self._said:
            self._said.add(text)
            self._progress.note(text)

    @property
    def interrupted(self) -> bool:
        return self._progress.interrupted
