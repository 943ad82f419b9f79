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
    if int(input_ids.min()) < 0 or int(input_ids.max()) >= lm.vocab_size:
        raise UserError(
            f"There are token ids outside 0 to {lm.vocab_size - 1}, all that {lm.source} has.",
            "Tokenise the text with this model's own tokenizer.",
        )
    return input_ids.to(lm.device)
