"""The features whose decoder directions are most like one's own."""

import torch
from torch import Tensor

from engine.errors import UserError
from engine.features.search.findings import Relative
from engine.features.validation import check_feature
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.metadata import SAEMetadata


@torch.no_grad()
def nearest(
    sae: SparseAutoencoder, feature: int, other: SparseAutoencoder | None = None, *, most: int = 10
) -> list[Relative]:
    """The `most` features of `other` (None: of `sae` itself, the feature left out) whose directions
    have the largest cosines with that of `sae`'s `feature`, nearest first.

    A direction of zeros has cosine 0. Memory: a number for each feature.
    Raises UserError for a feature that isn't there, and where directions are of another width.
    """
    check_feature(feature, sae.config.d_sae)
    among = other or sae
    if among.config.width_out != sae.config.width_out:
        raise UserError(
            f"The directions of the one are {sae.config.width_out} wide, those of the other "
            f"{among.config.width_out}.",
            "Compare SAEs of the same site.",
        )
    cosines = _cosines(sae.W_dec[feature], among.W_dec)
    if other is None:
        cosines[feature] = -torch.inf
    found = cosines.topk(max(0, min(most, len(cosines) - (other is None))))
    return [
        Relative(id=id, likeness=likeness)
        for id, likeness in zip(found.indices.tolist(), found.values.tolist(), strict=True)
    ]


def comparison_warnings(one: SAEMetadata, other: SAEMetadata) -> list[str]:
    """What to know before believing that directions of two SAEs are alike.

    Those of two sites can be compared with profit, as layers share the residual stream, and a model
    may go by two names; so nothing is forbidden.
    """
    found = []
    if one.model and other.model and one.model != other.model:
        found.append(
            f"They were trained on {one.model} and {other.model}: unless that is one model, "
            "the dimensions of the one mean nothing to the other."
        )
    sites = [metadata.target_site or metadata.site for metadata in (one, other)]
    if all(sites) and sites[0] != sites[1]:
        found.append(
            f"They write at {sites[0]} and at {sites[1]}: a feature need not keep its direction "
            "from one to the other."
        )
    return found


def _cosines(direction: Tensor, directions: Tensor) -> Tensor:
    """[n] of a direction [d] with directions [n, d]."""
    direction = direction.to(directions.device)
    lengths = directions.norm(dim=1) * direction.norm()
    cosines: Tensor = directions @ direction / lengths.clamp_min(torch.finfo(lengths.dtype).tiny)
    return cosines.clamp(-1, 1)
