"""The reconstruction view, the seed's experiment: decode with and without the edit, and compare."""

import dataclasses
from itertools import chain

import torch
from torch import Tensor

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.delta import ResolvedEdit, apply_edits, resolve_edits
from engine.interventions.prompt_run import ModelWithSAE, PromptRun
from engine.interventions.reproduction import reproduction_command
from engine.interventions.shift import measure_shift
from engine.interventions.spec import ClampRequest, ReconstructedPrompt, ReconstructionReport
from engine.interventions.warnings import scan_warnings
from engine.model.interruptible import interruptible
from engine.model.padding import note_on_padding
from engine.model.text import vocabulary
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder


@torch.no_grad()
def reconstruction_delta(
    sae: SparseAutoencoder, x: Tensor, edits: list[ResolvedEdit], touched: Tensor
) -> Tensor:
    """decode(z', x) - decode(z, x): [tokens, d_out] for activations x [tokens, d_in].

    `touched` [tokens] bool says where the edits are made.
    """
    x = x.to(sae.W_dec.device)
    z = sae.encode(x)
    z_edited = z.where(~touched.to(z.device)[:, None], apply_edits(z, edits))
    return sae.decode(z_edited, x) - sae.decode(z, x)


def reconstruction_view(
    subject: ModelWithSAE, catalogue: Catalogue, request: ClampRequest, progress: Progress
) -> ReconstructionReport:
    """Decode each prompt's features with and without a request's edits, and compare.

    The request must have passed `check_request`. As in the seed, the model reads the prompt and its
    own continuation once, and the edit is made on every token of `request.positions`, beginning of
    sequence included: nothing is run through the model afterwards that could mind. Attention sinks,
    of which an SAE's features say nothing, are left out, also where BOS is one.
    """
    features = [edit.feature for edit in request.edits]
    maxima = catalogue.maxima(features)
    edits = resolve_edits(request.edits, maxima)
    texts = vocabulary(subject.lm)
    prompts: list[ReconstructedPrompt] = []

    def tick() -> None:
        progress("clamp", len(prompts), len(request.prompts), "prompts")

    tick()
    with interruptible(subject.lm, tick):
        if request.generate:
            note_on_padding(subject.lm, len(request.prompts), progress)
        for run in map(_edited_from_start, chain.from_iterable(subject.runs_of(request))):
            x = run.activations()
            touched = run.mask.at(run.positions, x)
            difference = reconstruction_delta(subject.sae, x, edits, touched)
            prompts.append(
                ReconstructedPrompt(
                    prompt=run.prompt,
                    tokens=[texts[i] for i in run.token_ids.tolist()],
                    left_out=run.left_out(x),
                    **measure_shift(difference, run.mask.is_sink(x)),
                )
            )
    progress("clamp", len(request.prompts), len(request.prompts), "prompts")
    return ReconstructionReport(
        feature=features[0],
        operation=request.edits[0].operation,
        edits=request.edits,
        maxima=maxima,
        corpus=catalogue.manifest.activations,
        prompts=prompts,
        warnings=scan_warnings(request, catalogue),
        reproduce=reproduction_command(request),
    )


def _edited_from_start(run: PromptRun) -> PromptRun:
    """The same run, where what stands before the text may be edited."""
    return dataclasses.replace(run, mask=dataclasses.replace(run.mask, starts=frozenset()))
