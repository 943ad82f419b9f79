"""What an edit's effect is measured by beside KL, as a person types it (no torch here).

logp:Paris             how much likelier the next token becomes to be this one
logp:Paris,Lyon        one of these
logp:Paris,Lyon vs Rome   these, beside those: Δ log p(Paris or Lyon) - Δ log p(Rome)
rank:Paris             how far the likeliest of these tokens moves among all tokens
promoted:10            logp of the ten tokens that the first edited feature promotes most
feature:731            how far the activation of another feature moves, of the same SAE
shift:resid_post.20    how far activations at a later site move, as a share of their length

Each is a mean over tokens, of the edited model minus the clean one, both reading the same text.
"""

import csv
import io
import re
from typing import ClassVar, Self, get_args

import msgspec

from engine.errors import UserError
from engine.model.site import parse_site

KL = "kl"
"""The name of what is always measured: KL(clean ‖ edited) of the next-token distributions."""
_PROMOTED = 10
_MOST = 100
"""Tokens that a measure can be of at most."""


class TokenLogp(msgspec.Struct, frozen=True, tag="logp"):
    """Δ log Σ p of some tokens, in nats; with `against`, minus that of others."""

    unit: ClassVar[str] = "nats"
    tokens: tuple[str, ...]
    against: tuple[str, ...] = ()

    @classmethod
    def parse(cls, rest: str) -> Self | None:
        """From what stands behind the colon; None if that is none of this kind."""
        wanted, _, against = rest.partition(" vs ")
        tokens, others = _tokens(wanted), _tokens(against)
        return cls(tokens, others) if tokens and bool(others) == bool(against) else None

    def __str__(self) -> str:
        behind = f" vs {_listed(self.against)}" if self.against else ""
        return f"logp:{_listed(self.tokens)}{behind}"


class TokenRank(msgspec.Struct, frozen=True, tag="rank"):
    """Δ of the rank of the likeliest of some tokens; the likeliest of all tokens has rank 1."""

    unit: ClassVar[str] = "ranks"
    tokens: tuple[str, ...]

    @classmethod
    def parse(cls, rest: str) -> Self | None:
        """As `TokenLogp.parse`."""
        tokens = _tokens(rest)
        return cls(tokens) if tokens else None

    def __str__(self) -> str:
        return f"rank:{_listed(self.tokens)}"


class Promoted(msgspec.Struct, frozen=True, tag="promoted"):
    """Δ log Σ p of the tokens that the first edited feature's direction raises most, in nats."""

    unit: ClassVar[str] = "nats"
    count: int = _PROMOTED

    @classmethod
    def parse(cls, rest: str) -> Self | None:
        """As `TokenLogp.parse`."""
        count = _whole(rest) if rest.strip() else _PROMOTED
        return cls(count) if count and count <= _MOST else None

    def __str__(self) -> str:
        return f"promoted:{self.count}"


class FeatureChange(msgspec.Struct, frozen=True, tag="feature"):
    """Δ of the activation of another feature of the SAE, read at its site behind the edit."""

    unit: ClassVar[str] = "activation"
    feature: int

    @classmethod
    def parse(cls, rest: str) -> Self | None:
        """As `TokenLogp.parse`."""
        feature = _whole(rest)
        return None if feature is None else cls(feature)

    def __str__(self) -> str:
        return f"feature:{self.feature}"


class SiteShift(msgspec.Struct, frozen=True, tag="shift"):
    """‖x' - x‖ / ‖x‖ of activations at a later site."""

    unit: ClassVar[str] = "of ‖x‖"
    site: str

    @classmethod
    def parse(cls, rest: str) -> Self | None:
        """As `TokenLogp.parse`; raises UserError for what names no site."""
        return cls(str(parse_site(rest)))

    def __str__(self) -> str:
        return f"shift:{self.site}"


Measure = TokenLogp | TokenRank | Promoted | FeatureChange | SiteShift
"""What there is: a new one is a class here, and a case of `meters`."""

_BY_NAME = {str(kind.__struct_config__.tag): kind for kind in get_args(Measure)}


def parse_measure(text: str) -> Measure:
    """The measure that was typed; `str` gives it back. Raises UserError if it is none."""
    name, _, rest = text.partition(":")
    kind = _BY_NAME.get(name.strip().lower())
    found: Measure | None = None if kind is None else kind.parse(rest)
    if found is None:
        raise UserError(
            f"{text!r} is no measure.",
            "Write logp:Paris,Lyon or logp:Paris vs Rome, rank:Paris, promoted:10, feature:731 or "
            "shift:resid_post.20.",
        )
    return found


def _tokens(text: str) -> tuple[str, ...]:
    """The tokens of a list, in which one with a comma stands in quotes, as in CSV; none if it can't
    be read, or is too long."""
    try:
        (parts,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        return ()
    named = tuple(dict.fromkeys(stripped for part in parts if (stripped := part.strip(" "))))
    return named if len(named) <= _MOST else ()


def _listed(tokens: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(tokens)
    return line.getvalue()


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\s*\d{1,18}\s*", text) else None
