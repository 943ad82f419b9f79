"""The sets of a capture, one for each site, written while the model runs."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from engine.activations.capture.background import Background
from engine.activations.capture.passes import manifest_at
from engine.activations.capture.room import check_room
from engine.activations.store.manifest import Manifest
from engine.activations.store.unfinished import CapturePlace, Resumption, UnfinishedCapture
from engine.activations.store.writer import SHARD_BYTES, ActivationWriter, row_bytes
from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.model.text import vocabulary
from engine.model.weights_digest import weights_digest

Store = Callable[[Mapping[Site, ActivationWriter]], None]
"""Adds rows to the writers of all sites."""


class CapturedSets:
    """Writers, and up to where what is captured is stored in them."""

    def __init__(
        self,
        writers: Mapping[Site, ActivationWriter],
        background: Background,
        unfinished: UnfinishedCapture | None,
    ) -> None:
        self.background = background
        """Does what is stored, after what it was given before."""
        self.begins = CapturePlace() if unfinished is None else unfinished.record.place
        """Where the capture begins or goes on."""
        self.tokens = 0 if unfinished is None else unfinished.record.tokens
        """Tokens a site that are stored before that."""
        self._writers = writers
        self._unfinished = unfinished
        self._place = self.begins
        self._saved = self.begins
        self._agrees = True
        """Whether the writers hold what is before the place, and nothing else."""

    @property
    def manifests(self) -> dict[Site, Manifest]:
        """Of each site; complete when the sets are."""
        return {site: writer.manifest for site, writer in self._writers.items()}

    def reopen(self, text: str) -> None:
        """Go on with the document in which the capture was interrupted, in every set."""
        for writer in self._writers.values():
            writer.reopen(text=text)

    def store(self, work: Store, place: CapturePlace) -> None:
        """In the background, let `work` add the rows up to `place`; save when it is time to."""

        def do() -> None:
            self._agrees = False
            work(self._writers)
            self._place, self._agrees = place, True
            if self._unfinished is not None and self._unfinished.due:
                self.save()

        self.background.do(do)

    def save(self) -> None:
        """Make what is stored outlive the process, where the capture can go on."""
        if self._unfinished is not None and self._agrees and self._place != self._saved:
            writers = self._writers.values()
            self._unfinished.save(self._place, lambda: [writer.save() for writer in writers])
            self._saved = self._place


@contextlib.contextmanager
def capture_sets(
    lm: LanguageModel,
    sites: Sequence[Site],
    folders: Sequence[Path],
    about: Manifest,
    *,
    resumption: Resumption | None,
    identity: Mapping[str, object],
    shard_bytes: int = SHARD_BYTES,
    room_for: int | None = None,
) -> Iterator[CapturedSets]:
    """Sets to store activations in; they appear as `folders`, whole, when the block ends well.

    `about`: the manifest, but for its site and what is counted. `identity`: by a name in words,
    what must be the same for a capture to go on, beside the model. `room_for`: for so many tokens a
    site there has to be room; None: for a shard of them.
    What is stored is kept where the block fails, if the capture can go on (`resumption`).
    Raises UserError for a site that isn't there or comes twice, for a folder that is, where the
    disk has no room, and as `UnfinishedCapture`.
    """
    if len(set(sites)) < len(sites):
        raise UserError("A site is named twice.", "Name every site once.")
    abouts = [manifest_at(lm, about, site) for site in sites]
    texts = vocabulary(lm)
    unfinished = None
    if resumption is not None:
        unfinished = UnfinishedCapture(
            resumption,
            len(sites),
            {
                **identity,
                **_identity_of(lm),
                "how it is stored": [about.dtype, [str(site) for site in sites], shard_bytes],
            },
        )
    stored = 0 if unfinished is None else unfinished.record.tokens
    needed = len(sites) * shard_bytes
    if room_for is not None:
        needed = max(0, room_for - stored) * sum(map(row_bytes, abouts))
    check_room(folders[0], needed)
    with contextlib.ExitStack() as stack:
        writers = {}
        for number, (site, folder) in enumerate(zip(sites, folders, strict=True)):
            writer = ActivationWriter(
                folder,
                abouts[number],
                texts,
                shard_bytes=shard_bytes,
                unfinished=None if unfinished is None else unfinished.folders[number],
                state=None if unfinished is None else unfinished.record.sets[number],
            )
            writers[site] = stack.enter_context(writer)
        with Background() as background:
            sets = CapturedSets(writers, background, unfinished)
            stack.push(lambda kind, error, trace: _save_after(error, sets))
            yield sets
    if unfinished is not None:
        unfinished.finish(folders)


def _save_after(error: BaseException | None, sets: CapturedSets) -> None:
    """Save what was stored before an error. If that can't be, what was saved before remains."""
    if error is not None:
        with contextlib.suppress(OSError, UserError):
            sets.save()


def _identity_of(lm: LanguageModel) -> dict[str, object]:
    """What must be the same for a model to give the same activations."""
    return {
        "the model": [lm.source, lm.revision],
        "the weights of the model": weights_digest(lm),
        "the type of the model's numbers": str(lm.dtype),
    }
