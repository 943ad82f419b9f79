"""What a measured process is asked, and what it answers: JSON between two environments."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

FEWEST_STEPS = 3
"""That are timed, however slow they are."""


@dataclass(frozen=True)
class Request:
    """One run of one trainer."""

    trainer: str
    architecture: str
    size: str
    k: int
    threads: int
    steps: int
    """The most to train for, and what schedules are made for."""
    warmup: int = 0
    """Steps before the clock starts."""
    seconds: float | None = None
    """To train for behind the warm-up; None: all the steps."""
    score_every: int = 0
    """Steps; 0: no scores."""
    score_at: Sequence[float] = ()
    """Seconds of training after which scores are taken, and at the end; empty: none."""
    processor: bool = False
    """Whether seconds are those of the processor, not of the wall."""
    store: str = ""
    """A file of real activations to train on and score by, as `stored` writes it; empty: synthetic
    ones."""
    batch: int = 0
    """Vectors a step, in place of the size's."""
    save: str = ""
    """A folder for the autoencoder at the end, in its library's own files; empty: it isn't kept."""


@dataclass(frozen=True)
class Score:
    """How good an autoencoder is, on held-out vectors."""

    fvu: float
    """Σ ‖x − x̂‖² over Σ ‖x − mean‖², in fp64."""
    l0: float
    """Acts that aren't zero, per vector."""
    recovered: float
    """Share of the true directions that some feature writes, by `score.FOUND`; 0 where none are
    known."""


@dataclass(frozen=True)
class Scored:
    """A score and when it was taken."""

    step: int
    seconds: float
    """Of training since the first batch, scoring not counted."""
    score: Score


@dataclass(frozen=True)
class Result:
    """How it went."""

    tokens_per_second: float
    steps: int
    """Timed ones."""
    seconds: float
    """That these took."""
    peak_bytes: int
    """The most memory that the process has held: interpreter, libraries, vectors and all."""
    training_bytes: int
    """The part of the peak that wasn't held yet when the vectors lay ready."""
    reference_gflops: tuple[float, float]
    """fp32 products before and after, to tell a machine that had other work to do."""
    checksum: float
    """Of the vectors: the same for all."""
    scores: list[Scored]
    versions: dict[str, str]

    def to_json(self) -> str:
        """For `from_json`, in another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        fields = json.loads(text)
        fields["scores"] = [
            Scored(item["step"], item["seconds"], Score(**item["score"]))
            for item in fields["scores"]
        ]
        fields["reference_gflops"] = tuple(fields["reference_gflops"])
        return cls(**fields)
