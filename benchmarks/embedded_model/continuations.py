"""Held-out prompts and what the demo model makes of them."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Gemma3ForCausalLM, PreTrainedTokenizerFast

from engine.demo.corpus.document import Document
from engine.demo.corpus.generate import documents

_BATCH = 50
NEW_TOKENS = 100


def held_out_documents(category: str, number: int, seed: int = 2) -> list[Document]:
    """Held-out documents of one category, each with another opening."""
    found: dict[str, Document] = {}
    stream: Iterator[Document] = documents(seed, held_out=True, category=category)
    while len(found) < number:
        document = next(stream)
        found.setdefault(document.opening(), document)
    return list(found.values())


def read_model(folder: Path) -> tuple[Gemma3ForCausalLM, PreTrainedTokenizerFast]:
    """The model and the tokenizer that a folder holds."""
    model: Gemma3ForCausalLM = Gemma3ForCausalLM.from_pretrained(folder)
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return model, tokenizer


@torch.inference_mode()
def continuations(
    model: Gemma3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    new_tokens: int = NEW_TOKENS,
) -> list[str]:
    """The greedy continuation of each prompt, up to its end of text or `new_tokens` tokens.

    Prompts of equal length share a batch, so that none needs padding.
    """
    ids = tokenizer(list(prompts))["input_ids"]
    order = sorted(range(len(prompts)), key=lambda i: len(ids[i]))
    texts = [""] * len(prompts)
    generate: Any = model.generate  # typed one way by some of transformers' versions, not by others
    for length, group in itertools.groupby(order, key=lambda i: len(ids[i])):
        members = list(group)
        for first in range(0, len(members), _BATCH):
            part = members[first : first + _BATCH]
            batch = torch.tensor([ids[i] for i in part], device=model.device)
            out = generate(
                batch,
                attention_mask=torch.ones_like(batch),
                max_new_tokens=new_tokens,
                do_sample=False,
            )
            new = tokenizer.batch_decode(out[:, length:], skip_special_tokens=True)
            for i, text in zip(part, new, strict=True):
                texts[i] = text
    return texts
