"""Downloads from the hub, reported to a `Progress` as they go."""

from types import TracebackType
from typing import Any, ClassVar, Self

from engine.progress import SILENT, Progress


class DownloadBar:
    """Stands in for the bar of tqdm that huggingface_hub fills, as the class that it is given.

    Every call of the progress may pause or cancel the work. Files that are whole by then are not
    downloaded again.
    """

    progress: ClassVar[Progress] = SILENT

    def __init__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> None:
        self.total = total
        self.n = initial

    def update(self, more: float | None = 1) -> None:
        """So many bytes more are here."""
        self.n += int(more or 0)
        self.progress("download", self.n, self.total, "bytes")

    def update_transfer(self, _: float | None = 1) -> None:
        """So many bytes came over the network; what is reported is what is whole on the disk."""

    def set_postfix_str(self, *_: Any, **__: Any) -> None:
        """Nothing is drawn here."""

    set_transfer_postfix_str = set_description = refresh = close = set_postfix_str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return


def bar_for(progress: Progress) -> Any:
    """What to hand to huggingface_hub as `tqdm_class`."""
    return type("DownloadBar", (DownloadBar,), {"progress": staticmethod(progress)})
