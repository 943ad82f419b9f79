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

    tokens: tuple[str, ...]
    against: tuple[str, ...] = ()


class TokenRank(msgspec.Struct, frozen=True, tag="rank"):
    """Δ of the rank of the likeliest of some tokens; the likeliest of all tokens has rank 1."""

    tokens: tuple[str, ...]


class Promoted(msgspec.Struct, frozen=True, tag="promoted"):
    """Δ log Σ p of the tokens that the first edited feature's direction raises most, in nats."""

    count: int = _PROMOTED


class FeatureChange(msgspec.Struct, frozen=True, tag="feature"):
    """Δ of the activation of another feature of the SAE, read at its site behind the edit."""

    feature: int


class SiteShift(msgspec.Struct, frozen=True, tag="shift"):
    """‖x' - x‖ / ‖x‖ of activations at a later site."""

    site: str


Measure = TokenLogp | TokenRank | Promoted | FeatureChange | SiteShift


def parse_measure(text: str) -> Measure:
    """The measure that was typed. Raises UserError if it is none."""
    kind, _, rest = text.partition(":")
    match kind.strip().lower():
        case "logp":
            wanted, _, against = rest.partition(" vs ")
            return TokenLogp(_tokens(wanted, text), _tokens(against, text) if against else ())
        case "rank":
            return TokenRank(_tokens(rest, text))
        case "promoted":
            return Promoted(_whole(rest, text, 1, _MOST) if rest.strip() else _PROMOTED)
        case "feature":
            return FeatureChange(_whole(rest, text, 0))
        case "shift":
            return SiteShift(str(parse_site(rest.strip())))
    raise _unreadable(text)


def format_measure(measure: Measure) -> str:
    """The measure in this notation; `parse_measure` gives it back."""
    match measure:
        case TokenLogp(tokens, against):
            behind = f" vs {_listed(against)}" if against else ""
            return f"logp:{_listed(tokens)}{behind}"
        case TokenRank(tokens):
            return f"rank:{_listed(tokens)}"
        case Promoted(count):
            return f"promoted:{count}"
        case FeatureChange(feature):
            return f"feature:{feature}"
        case SiteShift(site):
            return f"shift:{site}"


def unit_of(measure: Measure) -> str:
    """What a measure counts."""
    match measure:
        case TokenLogp() | Promoted():
            return "nats"
        case TokenRank():
            return "ranks"
        case FeatureChange():
            return "activation"
        case SiteShift():
            return "of ‖x‖"


def _tokens(text: str, whole: str) -> tuple[str, ...]:
    """The tokens of a list; one with a comma in it stands in quotes, as in CSV."""
    try:
        (parts,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise _unreadable(whole) from None
    named = tuple(dict.fromkeys(stripped for part in parts if (stripped := part.strip(" "))))
    if not named or len(named) > _MOST:
        raise _unreadable(whole)
    return named


def _listed(tokens: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(tokens)
    return line.getvalue()


def _whole(text: str, whole: str, least: int, most: int = 10**18) -> int:
    if not re.fullmatch(r"\s*\d{1,18}\s*", text) or not least <= int(text) <= most:
        raise _unreadable(whole)
    return int(text)


def _unreadable(text: str) -> UserError:
    return UserError(
        f"{text!r} is no measure.",
        "Write logp:Paris,Lyon or logp:Paris vs Rome, rank:Paris, promoted:10, feature:731 or "
        "shift:resid_post.20.",
    )
