"""Token ids, checked before they reach a model."""

from torch import Tensor

from engine.errors import UserError
from engine.model.load import LanguageModel


def checked_ids(lm: LanguageModel, input_ids: Tensor) -> Tensor:
    """`input_ids` [batch, tokens] on the model's device.

    Raises UserError for no tokens, for more than the model's context and for ids that it does
    not know; ValueError for another shape.
    """
    if input_ids.dim() != 2:
        raise ValueError(f"input_ids are [batch, tokens], not {list(input_ids.shape)}")
    tokens = input_ids.shape[1]
    if input_ids.numel() == 0:
        raise UserError("The text is empty: it has no tokens.", "Type at least one character.")
    if tokens > lm.context:
        raise UserError(
            f"The text has {tokens} tokens, and {lm.source} takes {lm.context} at most.",
            "Shorten it.",
        )
    embedding = lm.model.get_input_embeddings()
    known = min(lm.vocab_size, getattr(embedding, "num_embeddings", lm.vocab_size))
    unknown = input_ids[(input_ids < 0) | (input_ids >= known)].tolist()
    if unknown:
        raise UserError(
            f"The text holds token {_named(lm, unknown[0])}, which is outside 0 to {known - 1}, "
            f"all that {lm.source} has.",
            "Leave it out of the text, or give the model the tokenizer that it was trained with.",
        )
    return input_ids.to(lm.device)


def _named(lm: LanguageModel, token_id: int) -> str:
    """A token id, and the text of it where the tokenizer has such a token."""
    known = lm.tokenizer is not None and 0 <= token_id < len(lm.tokenizer)
    return (
        f"{token_id} ({lm.tokenizer.convert_ids_to_tokens(token_id)!r})" if known else f"{token_id}"
    )
