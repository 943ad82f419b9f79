"""What a measured process is asked, and what it answers: JSON between two environments."""

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class Request:
    """One run of one program over the material that lies in the working directory."""

    program: str
    size: str
    batches: int
    """Of features, to be done by a program that works on a part of them at a time."""
    threads: int


@dataclass(frozen=True)
class Result:
    """How it went."""

    parts: dict[str, float]
    """Seconds that each part of the work took."""
    whole: dict[str, float]
    """Seconds for all features, by what is counted in; extrapolated where only some were done."""
    features: int
    """That were done."""
    peak_bytes: int
    """The most memory that the process has held: interpreter, libraries, mapped files and all."""
    maxima: list[float | None]
    """The largest activation of each of the first features, BOS left out; None: not comparable."""
    densities: list[float | None]
    """On which share of all tokens each of these is active, where BOS is a token but never
    active."""
    versions: dict[str, str]

    def to_json(self) -> str:
        """For `from_json`, in another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        return cls(**json.loads(text))
