"""What another library's SAE is to be given, where it is acted on: BOS, positions, tokens.

Torch-free. SAELens says whether a BOS token stood before its texts (`prepend_bos`), which positions
of a context it was trained on (`seqpos_slice`), and which tokens it never saw
(`exclude_special_tokens`); dictionary_learning says the first as `add_special_tokens`, sparsify the
last as `exclude_tokens`.
"""

from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.sae.formats.metadata import SAEMetadata


class InputRule(msgspec.Struct, frozen=True, kw_only=True):
    """What an SAE is to be given; without more said all that a model makes of text."""

    prepend_bos: bool | None = None
    """Whether a BOS token stands before every text; None: as the tokenizer has it."""
    start: int = 0
    stop: int | None = None
    step: int = 1
    """The positions of a context that it applies to, as in a slice."""
    excluded: tuple[int, ...] = ()
    """Token ids that it doesn't apply to."""
    exclude_special: bool = False
    """Whether it doesn't apply to any of the tokenizer's special tokens."""

    @property
    def selects(self) -> bool:
        """Whether it applies to some tokens only."""
        sliced = (self.start, self.stop, self.step) != (0, None, 1)
        return sliced or bool(self.excluded) or self.exclude_special

    def applies(
        self,
        token_ids: NDArray[np.integer[Any]],
        positions: NDArray[np.integer[Any]],
        special_ids: Collection[int] = (),
    ) -> NDArray[np.bool_]:
        """To which of some tokens it applies: [...] bool.

        token_ids, positions: [...], the latter counted from 0 in what the model reads at once;
        `special_ids`: the tokenizer's, as far as they are known.
        """
        out = {*self.excluded, *(special_ids if self.exclude_special else ())}
        found = (positions >= self.start) & ((positions - self.start) % self.step == 0)
        if self.stop is not None:
            found &= positions < self.stop
        kept: NDArray[np.bool_] = found & np.isin(token_ids, sorted(out), invert=True)
        return kept

    def __str__(self) -> str:
        """What it asks for, in words that may follow on "is given"."""
        said = []
        if self.prepend_bos is not None:
            said.append(f"text with{'' if self.prepend_bos else 'out'} BOS before it")
        if (self.start, self.stop, self.step) != (0, None, 1):
            until = "" if self.stop is None else f" to {self.stop - 1}"
            every = "" if self.step == 1 else f", every {self.step}th"
            said.append(f"tokens at positions from {self.start}{until}{every}")
        if self.exclude_special:
            said.append("no special tokens")
        elif self.excluded:
            said.append(f"all but {len(self.excluded)} tokens of the vocabulary")
        return ", ".join(said)


WHOLE = InputRule()
"""Asks for nothing."""


def input_rule(metadata: SAEMetadata) -> InputRule:
    """What an SAE's files ask for; what can't be understood asks for nothing."""
    lens = metadata.library_fields.get("sae_lens", {})
    learning = metadata.library_fields.get("dictionary_learning", {})
    sparsify = metadata.library_fields.get("sparsify", {})
    bos = lens.get("prepend_bos")
    if learning.get("add_special_tokens") is False:
        bos = False
    start, stop, step = _slice(lens.get("seqpos_slice"), metadata.context)
    excluded = lens.get("exclude_special_tokens", sparsify.get("exclude_tokens"))
    return InputRule(
        prepend_bos=bos if isinstance(bos, bool) else None,
        start=start,
        stop=stop,
        step=step,
        excluded=_ids(excluded),
        exclude_special=excluded is True,
    )


def contradictions(
    sae: str, rule: InputRule, name: str, *, begins_with_bos: bool, has_bos: bool
) -> list[str]:
    """What to know before an SAE's figures over the set called `name` are believed.

    `begins_with_bos`: whether BOS stands before the texts of the set; `has_bos`: whether its
    tokenizer has such a token.
    """
    if rule.prepend_bos is None or rule.prepend_bos == begins_with_bos:
        return []
    if rule.prepend_bos and not has_bos:
        return [f"{sae} was trained on text with BOS before it, and {name} knows of no such token."]
    has, bos = ("text without it", "always") if rule.prepend_bos else ("text with it", "never")
    wanted = "with" if rule.prepend_bos else "without"
    return [
        f"{sae} was trained on text {wanted} BOS before it, and {name} holds {has}: its figures may"
        f" be off. Capture the text with --bos {bos}."
    ]


def _slice(value: Any, context: int | None) -> tuple[int, int | None, int]:
    """Start, stop and step of SAELens' slice; places from the end are those of its context."""
    plain = (0, None, 1)
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= 3:
        return plain
    if any(type(part) is not int and part is not None for part in value):
        return plain
    parts = list(value)
    if len(parts) == 1:
        parts = [None, *parts]
    start, stop, step = [*parts, None][:3]
    if (step is not None and step < 1) or (context is None and min(start or 0, stop or 0) < 0):
        return plain
    first, last, every = slice(start, stop, step).indices(context or 1 << 40)
    return first, None if stop is None else last, every


def _ids(value: Any) -> tuple[int, ...]:
    ids = value if isinstance(value, list) else []
    return tuple(id for id in ids if type(id) is int and 0 <= id < 1 << 31)
