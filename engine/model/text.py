"""From text to token ids and back."""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.model.chat import chat_text
from engine.model.load import LanguageModel
from engine.model.pieces import piece_reader
from engine.model.prompt import PLAIN_CHAT, Chat, ChatChoice, Prompt, is_chat, text_of


def encode(lm: LanguageModel, prompt: str | Prompt, *, chat: ChatChoice = False) -> Tensor:
    """The token ids [tokens] of a text or a prompt, int64, on the CPU.

    What the tokenizer puts in front of a text stays, see `LanguageModel.prefix_ids`: models misread
    one that lacks it. What it puts behind, such as an end-of-text token, is left out, or else the
    model would write behind the end. With `chat` it is put as the user's message into the model's
    chat template, up to where its answer begins; and so is, with or without, a conversation.

    Raises UserError as `chat_text`.
    """
    if is_chat(prompt, chat):
        settings = chat if isinstance(chat, Chat) else PLAIN_CHAT
        filled_in = chat_text(lm, prompt, settings)
        ids = lm.tokenizer(filled_in, add_special_tokens=False, verbose=False)
        return torch.tensor(ids["input_ids"], dtype=torch.int64)
    text = text_of(prompt)
    read = lm.tokenizer(text, return_special_tokens_mask=True, verbose=False)
    ids, added = read["input_ids"], read["special_tokens_mask"]
    end = max(
        (index + 1 for index, is_added in enumerate(added) if not is_added),
        default=len(lm.own_prefix_ids),
    )
    if lm.prefix_ids != lm.own_prefix_ids:
        ids = [*lm.prefix_ids, *ids[len(lm.own_prefix_ids) : end]]
        end = len(ids)
    return torch.tensor(ids[:end], dtype=torch.int64)


def prefix_length(lm: LanguageModel, ids: Tensor) -> int:
    """How many of the first token `ids` [tokens] are none of the text's own.

    That is the tokenizer's prefix, or a BOS that a chat template or the text itself begins with.
    """
    prefix = lm.prefix_ids
    if prefix and ids[: len(prefix)].tolist() == prefix:
        return len(prefix)
    return int(len(ids) > 0 and int(ids[0]) == lm.tokenizer.bos_token_id)


def is_text(lm: LanguageModel, ids: Tensor) -> Tensor:
    """[...] bool: which of token `ids` [...] are of a text, and no BOS and no prefix before one."""
    return torch.isin(
        ids, torch.tensor(lm.start_ids, dtype=ids.dtype, device=ids.device), invert=True
    )


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
