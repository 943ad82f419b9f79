"""What an SAE found of the corpus's concepts: `python -m benchmarks.embedded_model.score`.

Without --sae it trains one first, as `brainsurg demo` does.
"""

import itertools
import sys
import time
from pathlib import Path

import cyclopts
import msgspec
import numpy as np
import torch

from benchmarks.embedded_model.card import SCORE, write_card
from benchmarks.embedded_model.make import MODEL, PrintedProgress
from benchmarks.embedded_model.score.active import read_active
from benchmarks.embedded_model.score.concepts import Evidence, concept_scores
from benchmarks.embedded_model.score.effects import category_effects
from benchmarks.embedded_model.score.report import Score
from benchmarks.embedded_model.score.subject import Subject, open_subject, train_subject
from benchmarks.embedded_model.score.tables import show
from benchmarks.embedded_model.score.tokens import tag_tokens
from engine.demo.corpus.generate import documents as corpus
from engine.errors import UserError
from engine.progress import Progress

_HELD_OUT_SEED = 4


def score(
    *,
    sae: Path | None = None,
    model: str = "demo",
    site: str | None = None,
    train_documents: int = 3000,
    arch: str = "matryoshka",
    width: int = 1024,
    k: int = 16,
    train_tokens: int = 1_000_000,
    documents: int = 600,
    prompts: int = 48,
    seed: int = 0,
    threads: int = 1,
    json: bool = False,
    write: bool = False,
) -> None:
    """Print the concept score of an SAE.

    Parameters
    ----------
    sae
        Folder of a saved SAE, such as WORKSPACE/saes/demo. Without it one is trained first.
    model
        What to train it on: a folder, or `demo` for the embedded model.
    site
        Where in the model; the middle of the residual stream if nothing is said.
    train_documents
        Documents to train on.
    arch
        Architecture; the default is the demo's, as for the next three.
    width
        Features.
    k
        Active features per token.
    train_tokens
        Vectors to train on, repeats counted.
    documents
        Held-out documents to score on.
    prompts
        Neutral prompts for each category's clamp; 0 leaves the clamps out.
    threads
        CPU threads.
    json
        Print one JSON document and no tables.
    write
        Put the figures into the card of the embedded model.
    """
    torch.set_num_threads(threads)
    if documents < 2:
        raise UserError("Scoring needs at least two documents.", "Give --documents.")
    progress = PrintedProgress()
    began = time.monotonic()
    if sae is not None:
        subject = open_subject(sae)
    else:
        subject = train_subject(
            model,
            site,
            documents_read=train_documents,
            architecture=arch,
            width=width,
            k=k,
            tokens=train_tokens,
            seed=seed,
            progress=progress,
        )
    ready = time.monotonic()
    result = score_of(subject, documents, prompts, seed, progress)
    seconds = {"train": ready - began, **result.seconds}
    result = msgspec.structs.replace(result, seconds=seconds)
    if json:
        print(msgspec.json.encode(result).decode())
    else:
        show(result)
    if write:
        (MODEL / SCORE).write_bytes(msgspec.json.format(msgspec.json.encode(result)))
        write_card(MODEL)


def score_of(
    subject: Subject, documents: int, prompts: int, seed: int, progress: Progress
) -> Score:
    """The concept score over `documents` held-out documents and `prompts` neutral prompts."""
    began = time.monotonic()
    lm, sae, site = subject.lm, subject.sae, subject.site
    tagged = tag_tokens(lm, itertools.islice(corpus(_HELD_OUT_SEED, held_out=True), documents))
    x, active = read_active(lm, sae, site, [one.token_ids for one in tagged], progress)
    halves = [np.full(len(one.labels), number % 2 == 0) for number, one in enumerate(tagged)]
    labels = np.concatenate([one.labels for one in tagged])
    evidence = Evidence(labels, np.concatenate(halves), x, active)
    concepts, unseen = concept_scores(evidence)
    concepts_done = time.monotonic()
    effects = (
        category_effects(subject, evidence, prompts=prompts, seed=seed, progress=progress)
        if prompts
        else []
    )
    return Score(
        model=lm.source,
        site=str(site),
        architecture=sae.config.architecture,
        d_sae=sae.config.d_sae,
        k=sae.config.k,
        trained_tokens=subject.trained_tokens,
        documents=documents,
        tokens=len(labels),
        concepts=concepts,
        unseen=unseen,
        effects=effects,
        prompts=prompts,
        seconds={"concepts": concepts_done - began, "clamps": time.monotonic() - concepts_done},
    )


if __name__ == "__main__":
    try:
        cyclopts.run(score)
    except UserError as error:
        sys.exit(str(error))
