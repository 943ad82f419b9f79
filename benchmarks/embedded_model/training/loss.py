"""How far the model is from the best possible one: its loss beside the generator's own entropy."""

import itertools
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from engine.demo.corpus.generate import documents


@dataclass(frozen=True, slots=True)
class HeldOutLoss:
    """Nats per token over held-out documents, each read on its own from `<bos>` to `<eos>`."""

    documents: int
    tokens: int
    loss: float
    """The model's cross-entropy."""
    entropy: float
    """The generator's: minus the log probability of the choices that wrote the documents."""


@torch.inference_mode()
def held_out_loss(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, *, number: int = 500, seed: int = 1
) -> HeldOutLoss:
    """Measure over the first `number` held-out documents of `seed` that fit into the context."""
    read, tokens, loss, nats = 0, 0, 0.0, 0.0
    for document in itertools.islice(documents(seed, held_out=True), number):
        ids = [*tokenizer(document.text, verbose=False)["input_ids"], tokenizer.eos_token_id]
        if len(ids) > model.config.max_position_embeddings:
            continue
        batch = torch.tensor([ids], device=model.device)
        mean = model(input_ids=batch, labels=batch, use_cache=False).loss.item()
        read += 1
        tokens += len(ids) - 1
        loss += mean * (len(ids) - 1)
        nats += document.nats
    return HeldOutLoss(read, tokens, loss / tokens, nats / tokens)
