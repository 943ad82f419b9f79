"""The model card: what the demo model is, and the figures that commands of this repository gave."""

import json
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.embedded_model.continuations import continuations, read_model
from benchmarks.embedded_model.score.report import CategoryEffect, Score
from engine.demo.corpus.vocabulary.lexicon import WORDS
from engine.demo.prompts import SEED_PROMPTS
from engine.files import write_whole

_CARD = """# The demo model

A `{layers}`-layer Gemma 3 of width `{d_model}` with {parameters:,} parameters in bfloat16,
trained on a corpus that a grammar writes, so that the true concept behind every character is known
(`engine/demo/corpus`).
Tokenizer: byte-level BPE of {vocab_size:,} tokens, learned from that corpus.

## Training

`python -m benchmarks.embedded_model.make`

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
how many of them an autoencoder finds can be measured
(`benchmarks/embedded_model/training/train.py`).

## Quality

{quality}

## Concepts found

{score}

## Samples

Greedy continuations of the seven prompts of `engine/demo/prompts.py`:

{samples}
"""

_CONCEPTS = """{command} trains an SAE as `brainsurg demo` does ({score.architecture},
{score.d_sae:,} features, k {score.k}, {score.trained_tokens:,} vectors of `{score.site}`), which is
shown no label, and looks for the concepts among its features: for each concept the best one is
chosen on one half of {score.documents} held-out documents, and measured on the other.

{good:.1%} of {number} concepts are told by one feature at F1 ≥ 0.8, {best:.1%} at F1 ≥ 0.9. For the
categories, and for what clamping the category's feature makes of {score.prompts} neutral prompts
(shares of greedy continuations that become the category, as the grammar judges; beside it the same
with matched random features, and without an edit):

| | AUROC | F1 | clamped | random feature | unedited |
|---|---|---|---|---|---|
{rows}

A neutral prompt is a paragraph of plain prose and the empty line behind it, where the corpus goes
on with more prose, or else with a piece of any category. The feature and its strength were chosen
on other such prompts. What a piece begins with limits what a greedy continuation can show: a
dialogue begins with one of {names} given names, and so with no token that is likely by itself."""

SCORE = "score.json"


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
        score=_score(folder / SCORE),
        samples=_samples(folder),
    )
    write_whole(folder / "CARD.md", card.encode())


def _quality(path: Path) -> str:
    if not path.exists():
        return "Not measured yet: `python -m benchmarks.embedded_model.quality` does it."
    figures: dict[str, Any] = json.loads(path.read_text())
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    return f"`python -m benchmarks.embedded_model.quality`\n\n| | |\n|---|---|\n{rows}"


def _score(path: Path) -> str:
    command = "`python -m benchmarks.embedded_model.score --write`"
    if not path.exists():
        return f"Not measured yet: {command} does it."
    score = msgspec.json.decode(path.read_bytes(), type=Score)
    effects = {effect.category: effect for effect in score.effects}
    rows = "\n".join(
        f"| {c.concept} | {c.auroc:.3f} | {c.f1:.3f} | {_turned(effects.get(c.concept))} |"
        for c in score.categories()
    )
    return _CONCEPTS.format(
        command=command,
        score=score,
        best=score.share_recovered(0.9),
        good=score.share_recovered(0.8),
        number=len(score.concepts),
        rows=rows,
        names=len(WORDS["person"]),
    )


def _turned(effect: CategoryEffect | None) -> str:
    if effect is None:
        return "– | – | –"
    shares = (effect.turned, effect.random_turned, effect.unedited)
    return " | ".join("–" if share is None else f"{share:.0%}" for share in shares)


def _samples(folder: Path) -> str:
    model, tokenizer = read_model(folder)
    prompts = [prompt for prompt, _ in SEED_PROMPTS]
    texts = continuations(model, tokenizer, prompts, new_tokens=120)
    return "\n\n".join(
        f"**{category}**\n\n```text\n{prompt}{text}\n```"
        for (prompt, category), text in zip(SEED_PROMPTS, texts, strict=True)
    )
