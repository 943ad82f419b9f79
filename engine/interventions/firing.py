"""From a text to its features: which are active, and which of them matter for what comes next."""

import functools
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.errors import UserError
from engine.features.search.active_features import ActiveFeatures, active_features
from engine.features.search.findings import Firing, FiringFeature, FiringOrder
from engine.interventions.ablation import logits_without
from engine.interventions.attribution import attributions
from engine.interventions.prompt_run import ModelWithSAE, PromptRun
from engine.model.gradient import sensitivity
from engine.model.interruptible import interruptible
from engine.model.load import LanguageModel
from engine.model.predictions import kl_per_position
from engine.model.prompt import ChatChoice, Prompt
from engine.model.single_token import ids_of_token
from engine.model.text import vocabulary
from engine.progress import SILENT, Progress


def find_firing(
    subject: ModelWithSAE,
    prompt: str | Prompt,
    *,
    chat: ChatChoice = False,
    target: str | None = None,
    ablate: int = 50,
    most: int = 200,
    by: FiringOrder = "effect",
    progress: Progress = SILENT,
) -> Firing:
    """The first `most` of the features that are active in `prompt`, ordered `by`.

    What stands before the text is left out, and attention sinks.

    What they do is measured on the log-probability of one next token: `target`, with or without the
    space that leads it, whichever is likelier; None: the one that the model finds likeliest. The
    `ablate` features that promise most are ablated for real: by turns the one with the largest
    attribution and the one with the largest act. An attribution is an effect to first order, and
    can be small where ablating does much, as behind a softmax that is saturated.

    Memory: beside the model, two rows of logits for the whole text or 2^27 logits, whichever is
    more, and the graph of the layers above the site for one text.
    Raises UserError for an SAE that doesn't fit the model, for a text without tokens or too long
    for the model, and for a target that is no single token.
    """
    if ablate < 0 or most < 0:
        raise UserError("The number of features can't be negative.")
    subject.check()
    lm, sae = subject.lm, subject.sae
    texts = vocabulary(lm)
    wanted = range(len(texts)) if target is None else ids_of_token(lm, texts, target)

    tick = functools.partial(progress, "attribute", 0)
    tick()
    with interruptible(lm, tick):
        (run,) = subject.read_prompts([prompt], chat=chat)
        seen = sensitivity(
            lm,
            run.token_ids,
            subject.edited_site,
            lambda logits: _logp(logits[-1], wanted)[0],
            read=subject.site,
        )
    logp, aim = _logp(seen.logits[-1], wanted)
    counted = run.mask.at(run.positions, seen.read, seen.activations)
    found = active_features(sae, seen.read, counted)
    shares = attributions(sae, found, seen.read, seen.gradient)
    strongest = shares.abs().argsort(descending=True, stable=True).tolist()

    most_active = found.peaks().argsort(descending=True, stable=True).tolist()
    by_turns = dict.fromkeys(itertools.chain(*zip(strongest, most_active, strict=True)))

    effects = _effects(run, found, [*by_turns][:ablate], aim, progress)
    if by == "effect":
        tried = sorted(effects, key=lambda index: -abs(effects[index][0]))
        order = [*tried, *(index for index in strongest if index not in effects)]
    else:
        order = most_active
    return Firing(
        tokens=[texts[i] for i in run.token_ids.tolist()],
        special=_special(lm, run.token_ids),
        target=texts[aim],
        logp=logp.item(),
        features=[
            _feature(found, index, shares, effects, sae.active_threshold) for index in order[:most]
        ],
        active=len(found.features),
        left_out=run.left_out(seen.read, seen.activations),
    )


def _special(lm: LanguageModel, ids: Tensor) -> list[int]:
    """The places in token ids [tokens] of special tokens."""
    special = torch.tensor([*lm.special_ids, *lm.start_ids], dtype=ids.dtype, device=ids.device)
    places: list[int] = torch.isin(ids, special).nonzero().flatten().tolist()
    return places


def _logp(logits: Tensor, wanted: Sequence[int]) -> tuple[Tensor, int]:
    """The largest log-probability among some tokens, given logits [vocab], and whose it is."""
    logp = logits.double().log_softmax(-1)
    aim = max(wanted, key=logp.tolist().__getitem__)
    return logp[aim], aim


def _effects(
    run: PromptRun, found: ActiveFeatures, indices: Sequence[int], aim: int, progress: Progress
) -> dict[int, tuple[float, float]]:
    """By index into `found.features`: what ablating it does to the log-probability of the token
    `aim`, and the KL of the whole distribution, both in nats."""
    measured: dict[int, tuple[float, float]] = {}

    def tick() -> None:
        progress("ablate", len(measured), len(indices), "features")

    with interruptible(run.subject.lm, tick):
        for index, (clean, ablated) in zip(
            indices, logits_without(run, found, indices), strict=True
        ):
            tick()
            before, after = (each.double().log_softmax(-1)[aim].item() for each in (clean, ablated))
            kl = kl_per_position(clean[None], ablated[None]).item()
            measured[index] = (after - before, kl)
    tick()
    return measured


def _feature(
    found: ActiveFeatures,
    index: int,
    shares: Tensor,
    effects: dict[int, tuple[float, float]],
    threshold: float,
) -> FiringFeature:
    acts = found.over_tokens(index)
    acts = acts.where(acts > threshold, 0)
    effect, kl = effects.get(index, (None, None))
    return FiringFeature(
        id=int(found.features[index]),
        activations=acts.tolist(),
        peak=int(acts.argmax()),
        attribution=shares[index].item(),
        effect=effect,
        kl=kl,
    )
