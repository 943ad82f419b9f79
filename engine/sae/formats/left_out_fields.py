"""How files for other libraries say which activations an SAE trained here has not seen.

Importing this needs no torch.
"""

from typing import Any

from engine.sae.formats.metadata import SAEMetadata


def left_out_fields(format: str, metadata: SAEMetadata) -> dict[str, Any]:
    """The fields of the configuration of a library (`format`) for the kinds of activations that an
    SAE was trained without; none for one that was trained on all, or where that is not known.

    Kinds of activations are those of `engine.activations.store.row_kinds`.
    """
    rows = metadata.row_summary
    if rows is None or metadata.keep_sinks:
        return {}
    has_special = rows.counts.start + rows.counts.special > 0
    match format:
        case "sae_lens":
            return {"exclude_special_tokens": True} if has_special else {}
        case "dictionary_learning":
            multiple = None if rows.rule is None else rows.rule.multiple
            known = {"remove_bos": has_special, "max_activation_norm_multiple": multiple}
            return {name: value for name, value in known.items() if value}
        case _:
            return {}
