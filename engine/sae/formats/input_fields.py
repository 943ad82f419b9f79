"""What files of other libraries say an SAE is to be given.

Such fields are named when the SAE is imported, kept in `SAEMetadata.library_fields`, and written
again when it is exported to the library that they come from. Importing this needs no torch.
"""

from typing import Any

import msgspec

from engine.activations.row_kinds import RowSummary
from engine.errors import join_words
from engine.sae.formats.metadata import SAEMetadata

ASKS_FOR_NOTHING: dict[str, tuple[Any, ...]] = {
    # SAELens
    "hook_name": (None, ""),
    "hook_name_out": (None, ""),
    "hook_head_index": (None,),
    "hook_head_index_out": (None,),
    "hf_hook_name": (None, ""),
    "hf_hook_name_out": (None, ""),
    "model_class_name": (None, "HookedTransformer", "AutoModelForCausalLM"),
    "model_from_pretrained_kwargs": (None, {}),
    "prepend_bos": (None,),
    "exclude_special_tokens": (None, False, []),
    "seqpos_slice": (None, [], [None], [None, None], [None, None, None], [0, None]),
    "sequence_separator_token": (None, "bos"),
    "disable_concat_sequences": (None, False),
    # dictionary_learning
    "submodule_name": (None, ""),
    "io": (None, "out"),
    "add_special_tokens": (None, True),
    "remove_bos": (None, False),
    "max_activation_norm_multiple": (None,),
    # sparsify
    "hookpoint": (None, ""),
    "exclude_tokens": (None, []),
    "load_in_8bit": (None, False),
    # Gemma Scope
    "hf_hook_point_in": (None, ""),
    "hf_hook_point_out": (None, ""),
}
"""Fields that tell of an SAE's input, and the values at which they ask for nothing."""

_LEFT_OUT_HERE: dict[str, tuple[type, ...]] = {
    "exclude_special_tokens": (bool,),
    "remove_bos": (bool,),
    "max_activation_norm_multiple": (int, float),
}
"""Fields that leave out BOS or sinks, which training and figures here leave out, too
(`engine.activations.row_kinds`), and the types of values at which they do."""

_LONGEST = 120


def left_out_fields(format: str, rows: RowSummary | None, *, keep_sinks: bool) -> dict[str, Any]:
    """The fields of a library's files that say which activations an SAE trained here has not seen;
    none for one that was trained elsewhere, or on all."""
    if rows is None or keep_sinks:
        return {}
    has_start = rows.counts.start + rows.counts.special > 0
    match format:
        case "sae_lens":
            return {"exclude_special_tokens": True} if has_start else {}
        case "dictionary_learning":
            multiple = None if rows.rule is None else rows.rule.multiple
            known = {"remove_bos": has_start, "max_activation_norm_multiple": multiple}
            return {name: value for name, value in known.items() if value}
        case _:
            return {}


def note_on_input(metadata: SAEMetadata) -> str:
    """A sentence or more that name the fields which ask for something; empty where none does."""
    asked: list[str] = []
    left_out: list[str] = []
    for fields in metadata.library_fields.values():
        for name, value in fields.items():
            if value in ASKS_FOR_NOTHING.get(name, (value,)):
                continue
            told = f"{name} {_shortened(msgspec.json.encode(value).decode())}"
            here = isinstance(value, _LEFT_OUT_HERE.get(name, ()))
            (left_out if here else asked).append(told)
    notes = []
    if left_out:
        notes.append(
            f"Its files tell that it was trained without some tokens: {', '.join(left_out)}."
            " Figures here leave out BOS and attention sinks, too."
        )
    if asked:
        notes.append(
            f"Its files tell {'also' if left_out else 'more'} of what it is to be given, which"
            f" nothing here sees to: {', '.join(asked)}. That is kept, and told again when it is"
            f" exported to {join_words(metadata.library_fields)}."
        )
    elif left_out:
        notes.append(
            f"That is told again when it is exported to {join_words(metadata.library_fields)}."
        )
    return " ".join(notes)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
