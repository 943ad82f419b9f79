"""The model card: what the demo model is, and the figures that commands of this repository gave."""

import json
from pathlib import Path
from typing import Any

from engine.demo.continuations import continuations, read_model
from engine.demo.prompts import SEED_PROMPTS
from engine.files import write_whole

_CARD = """# The demo model

A `{layers}`-layer Gemma 3 of width `{d_model}` with {parameters:,} parameters in bfloat16,
trained on a corpus that a grammar writes, so that the true concept behind every character is known
(`engine/demo/corpus`).
Tokenizer: byte-level BPE of {vocab_size:,} tokens, learned from that corpus.

## Training

`python -m engine.demo.make`

| | |
|---|---|
| tokens seen | {tokens_seen:,}, each document once |
| steps | {steps:,} of {batch} × {context} tokens, Muon (lr {lr}) and AdamW (lr {adam_lr}) |
| loss | next token + {concept_weight} · the concepts' cross-entropies, summed |
| time | {cpu_minutes} minutes of processor time, {threads} thread |
| held-out loss | {loss:.4f} nats per token over {documents} documents ({tokens:,} tokens) |
| generator's entropy on the same documents | {entropy:.4f} nats per token |

Held-out documents begin with an opening that no training document contains. The entropy is that of
the generator's choices, so no model can be expected to have a lower loss than this.

The concepts of each token are told by a linear head from the residual stream behind layer
{concept_layer}; the head is not part of the model. So the true concepts are directions there, and
how many of them an autoencoder finds can be measured (`engine/demo/train.py`).

## Quality

{quality}

## Samples

Greedy continuations of the seven prompts of `engine/demo/prompts.py`:

{samples}
"""


def write_card(folder: Path) -> None:
    """Write CARD.md of the model in `folder` from its training.json and, if there, quality.json."""
    training = json.loads((folder / "training.json").read_text())
    card = _CARD.format(
        **training["recipe"] | training["held_out"],
        steps=training["steps"],
        parameters=training["parameters"],
        tokens_seen=training["tokens_seen"],
        cpu_minutes=training["cpu_minutes"],
        threads=training["threads"],
        quality=_quality(folder / "quality.json"),
        samples=_samples(folder),
    )
    write_whole(folder / "CARD.md", card.encode())


def _quality(path: Path) -> str:
    if not path.exists():
        return "Not measured yet: `python -m engine.demo.quality` does it."
    figures: dict[str, Any] = json.loads(path.read_text())
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    return f"`python -m engine.demo.quality`\n\n| | |\n|---|---|\n{rows}"


def _samples(folder: Path) -> str:
    model, tokenizer = read_model(folder)
    prompts = [prompt for prompt, _ in SEED_PROMPTS]
    texts = continuations(model, tokenizer, prompts, new_tokens=120)
    return "\n\n".join(
        f"**{category}**\n\n```text\n{prompt}{text}\n```"
        for (prompt, category), text in zip(SEED_PROMPTS, texts, strict=True)
    )
