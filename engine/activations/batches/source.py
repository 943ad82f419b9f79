"""What a trainer draws from: endless batches of the same vectors, seen at one site or at several.

| from | opened by |
|---|---|
| a store, or several captured in one go | `engine.activations.batches.stored.StoredBatches` |
| a model at work, without a store | `engine.activations.batches.streamed.StreamedBatches` |
| either, ahead, on the trainer's device | `engine.activations.batches.prefetch.Prefetched` |
"""

from collections.abc import Mapping
from typing import Any, Protocol, Self

from torch import Tensor

from engine.errors import UserError
from engine.progress import SILENT, Progress

Rows = dict[str, Tensor]
"""By the name of each site (`resid_post.3`; "" where it isn't known), the same vectors in the same
order: `[rows, d_model]`."""


class Batches(Protocol):
    """Endless batches that go on where they were left. No batch is shorter than another."""

    def __iter__(self) -> Self: ...

    def __next__(self) -> Rows:
        """The next batch, `[batch, d_model]` at every site."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """The position behind the last batch, in JSON's own types."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken, with the very same batches.

        Raises UserError if it was taken from a stream of other vectors or settings.
        """
        ...


class Source(Batches, Protocol):
    """Batches as they are opened, before anything is drawn from them."""

    def prepare(self, progress: Progress = SILENT) -> None:
        """Do now what must be done before the next batch can be drawn, and tell `progress`."""
        ...

    def sample(self, most: int) -> Rows:
        """Up to `most` vectors to initialise from; they come again in the batches."""
        ...


def check_same_stream(saved: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Raise UserError, naming the first difference, unless a saved position is this stream's."""
    for name, value in identity.items():
        if saved.get(name) != value:
            raise UserError(
                f"The stream of activations was saved with {name} {saved.get(name)}, not {value}.",
                "Resume with the same activations and settings.",
            )
