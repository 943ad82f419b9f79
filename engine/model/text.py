"""From text to token ids and back."""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.pieces import piece_reader


def encode(lm: LanguageModel, text: str, *, chat: bool = False) -> Tensor:
    """The token ids [tokens] of `text`, int64, on the CPU.

    A beginning-of-text token comes first where the tokenizer adds one. With `chat` the text is
    put as the user's message into the model's chat template, up to where its answer begins.
    Raises UserError if there is no such template.
    """
    if not chat:
        ids = lm.tokenizer(text, verbose=False)["input_ids"]
    elif lm.tokenizer.chat_template is None:
        raise UserError(
            f"The tokenizer of {lm.source} has no chat template.",
            "Give the prompt as plain text, or choose a model tuned for chat.",
        )
    else:
        message = {"role": "user", "content": text}
        ids = lm.tokenizer.apply_chat_template(
            [message], add_generation_prompt=True, return_dict=True
        )["input_ids"]
    return torch.tensor(ids, dtype=torch.int64)


def decode(lm: LanguageModel, ids: Tensor | Sequence[int]) -> str:
    """The text of token `ids` [tokens], special tokens left out."""
    text: str = lm.tokenizer.decode(
        ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return text


def vocabulary(lm: LanguageModel) -> list[str]:
    """The text of every token id, `lm.vocab_size` of them, with the space that leads it.

    Joined, the texts of a tokenised text are that text again, but for a leading space that some
    tokenizers put. A byte that is no character by itself reads as `\\xe2`, special tokens as they
    are written, and an id that the tokenizer does not know as `<51200>`.
    """
    reader = piece_reader(lm.tokenizer)
    texts = [f"<{index}>" for index in range(lm.vocab_size)]
    added = lm.tokenizer.added_tokens_decoder
    for token, index in lm.tokenizer.get_vocab().items():
        if index < len(texts):
            # added tokens are not written in the byte alphabet, but with SentencePiece's space
            verbatim = index in added and (reader.byte_level or added[index].special)
            texts[index] = token if verbatim else reader.read(token)
    return texts
