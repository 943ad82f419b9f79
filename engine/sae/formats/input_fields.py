"""What files of other libraries say an SAE is to be given.

Some of it is acted on (`engine.sae.formats.input_rule`), and nothing here sees to the rest.

Such fields are named when the SAE is imported, kept in `SAEMetadata.library_fields`, and written
again when it is exported to the library that they come from, where that is one of those whose files
are written. Importing this needs no torch.
"""

from typing import Any

import msgspec

from engine.errors import join_words
from engine.sae.formats.input_rule import WHOLE, input_rule
from engine.sae.formats.libraries import WRITTEN
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
    # circuit-tracer
    "feature_input_hook": (None, ""),
    "feature_output_hook": (None, ""),
    # Language-Model-SAEs
    "hook_point_in": (None, ""),
    "hook_point_out": (None, ""),
    # Gemma Scope
    "hf_hook_point_in": (None, ""),
    "hf_hook_point_out": (None, ""),
}
"""Fields that tell of an SAE's input, and the values at which they ask for nothing."""

_LONGEST = 120


def note_on_input(metadata: SAEMetadata) -> str:
    """Some sentences that name the fields which ask for something; empty where none does."""
    followed: list[str] = []
    others: list[str] = []
    for library, fields in metadata.library_fields.items():
        for name, value in fields.items():
            if value in ASKS_FOR_NOTHING.get(name, (value,)):
                continue
            alone = msgspec.structs.replace(metadata, library_fields={library: {name: value}})
            named = f"{name} {_shortened(msgspec.json.encode(value).decode())}"
            (others if input_rule(alone) == WHOLE else followed).append(named)
    if not followed and not others:
        return ""
    notes = []
    if followed:
        rule = input_rule(metadata)
        notes.append(f"It is given {rule}, as its files say: {', '.join(followed)}.")
    if others:
        notes.append(
            "Its files say more of what it is to be given, which nothing here sees to:"
            f" {', '.join(others)}."
        )
    libraries = join_words(name for name in metadata.library_fields if name in WRITTEN)
    again = f", and written again when it is exported to {libraries}" if libraries else ""
    notes.append(f"All of it is kept{again}.")
    return " ".join(notes)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
