"""Measures of an edit at work: what is read off the clean and the edited model, token by token."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.validation import check_feature
from engine.interventions.delta import acts_of
from engine.interventions.measure_notation import (
    KL,
    FeatureChange,
    Measure,
    Promoted,
    SiteShift,
    TokenLogp,
    TokenRank,
)
from engine.interventions.prompt_run import ModelWithSAE, Outcomes
from engine.model.load import LanguageModel
from engine.model.locate import all_sites, check_site
from engine.model.predictions import kl_of_variants, logp_of_tokens, rank_of_tokens
from engine.model.single_token import ids_of_token
from engine.model.site import Site, parse_site
from engine.sae.architectures.base import SparseAutoencoder


@dataclass(frozen=True)
class Meter:
    """A measure that is ready to be taken."""

    name: str
    """In the notation of `measure_notation`, or `kl`."""
    unit: str
    read: Callable[[Outcomes], Tensor]
    """[rows, tokens] float64: the effect of a row is its mean minus that of the first row."""
    site: Site | None = None
    """Where activations are read; None: logits alone are."""


KL_METER = Meter(
    KL,
    "nats",
    lambda seen: torch.cat(
        [
            seen.logits.new_zeros(1, seen.logits.shape[1], dtype=torch.float64),
            kl_of_variants(seen.logits[0], seen.logits[1:]),
        ]
    ),
)


def make_meters(
    measures: Sequence[Measure],
    subject: ModelWithSAE,
    catalogue: Catalogue,
    feature: int,
    vocabulary: list[str],
) -> list[Meter]:
    """KL first, then each of `measures`; `feature` is the one whose promoted tokens are meant.

    Raises UserError for a token that is none, a feature or a site that isn't there, and a site that
    the edit doesn't reach.
    """
    return [
        KL_METER,
        *(_meter(measure, subject, catalogue, feature, vocabulary) for measure in measures),
    ]


def _meter(
    measure: Measure,
    subject: ModelWithSAE,
    catalogue: Catalogue,
    feature: int,
    vocabulary: list[str],
) -> Meter:
    lm, name, unit = subject.lm, str(measure), measure.unit

    def ids(tokens: Sequence[str]) -> list[int]:
        return sorted({id for token in tokens for id in ids_of_token(lm, vocabulary, token)})

    match measure:
        case TokenLogp(tokens, against):
            wanted, others = ids(tokens), ids(against)
            return Meter(name, unit, lambda seen: _log_odds(seen.logits, wanted, others))
        case TokenRank(tokens):
            ranked = ids(tokens)
            return Meter(name, unit, lambda seen: rank_of_tokens(seen.logits, ranked))
        case Promoted(count):
            effects = catalogue.token_effects("promoted")
            if effects is None:
                raise UserError(
                    f"What feature {feature} promotes isn't known: it was scanned without a model.",
                    "Scan the SAE again, or name tokens with logp:TOKEN.",
                )
            raised = effects[feature][:count].tolist()
            return Meter(name, unit, lambda seen: logp_of_tokens(seen.logits, raised))
        case FeatureChange(other):
            check_feature(other, subject.sae.config.d_sae, "the SAE")
            _check_reached(lm, subject.site, subject.edited_site)
            return Meter(
                name,
                unit,
                lambda seen: _acts(subject.sae, seen.activations[subject.site], other),
                subject.site,
            )
        case SiteShift(text):
            site = parse_site(text)
            _check_reached(lm, site, subject.edited_site)
            return Meter(name, unit, lambda seen: _shift(seen.activations[site]), site)


def _check_reached(lm: LanguageModel, site: Site, edited: Site) -> None:
    """Raise UserError for a site that is computed before the edited one."""
    check_site(lm, site)
    order = [info.site for info in all_sites(lm)]
    if order.index(str(site)) < order.index(str(edited)):
        raise UserError(
            f"Nothing moves at {site}: the edit is made at {edited}, which is computed later.",
            f"Name {edited} or a later site.",
        )


def _log_odds(logits: Tensor, wanted: Sequence[int], others: Sequence[int]) -> Tensor:
    found = logp_of_tokens(logits, wanted)
    return found - logp_of_tokens(logits, others) if others else found


def _acts(sae: SparseAutoencoder, x: Tensor, feature: int) -> Tensor:
    acts = acts_of(sae, x.flatten(0, 1).to(sae.W_dec.device), [feature])
    return acts.view(x.shape[:2]).double().to(x.device)


def _shift(x: Tensor) -> Tensor:
    """‖x' - x‖ / ‖x‖: [rows, tokens] for [rows, tokens, d]."""
    x = x.double()
    length: Tensor = x[:1].norm(dim=-1).clamp(min=torch.finfo(x.dtype).tiny)
    moved: Tensor = (x - x[:1]).norm(dim=-1)
    return moved / length
