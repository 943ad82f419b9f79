"""The filter of the features that holds: its text, and what the engine says it lets through."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.service.protocol import Matches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class FeatureFilter:
    """The last filter that could be read; without a text it lets everything through."""

    text: str = ""
    matches: Matches | None = None
    fault: str = ""
    """Why what was typed since can't be read: where, and what was expected."""

    def mask(self, features: int) -> "NDArray[np.bool_] | None":
        """Which of so many features it lets through; None: all."""
        if self.matches is None:
            return None
        import numpy as np

        bits = np.frombuffer(self.matches.mask, dtype=np.uint8)
        mask = np.unpackbits(bits, bitorder="little")[:features].astype(bool)
        # While a scan goes on, or another SAE comes, the answer may be to an older question.
        return mask if len(mask) == features else None
