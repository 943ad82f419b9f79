"""How far activations moved: the largest (token, dimension) pairs and the dimensions over all."""

from typing import TypedDict

from torch import Tensor

from engine.interventions.spec import DimensionShift, DimensionSummary

_TOP = 5


class ShiftFields(TypedDict):
    """The fields of `spec.Shift`."""

    mean_abs_diff: float
    max_abs_diff: float
    top_dims: list[DimensionShift]
    dimensions: list[DimensionSummary]


def token_and_dimension(index: int, d_model: int) -> tuple[int, int]:
    """Which token and which hidden dimension an index into flattened [tokens, d_model] means.

    The study that this program grew from reported such indices as dimensions: its 1038, 2190,
    11406 and 26382 at d_model 1152 are hidden dimension 1038 at tokens 0, 1, 9 and 22.
    """
    return divmod(index, d_model)


def measure_shift(delta: Tensor, left_out: Tensor | None = None) -> ShiftFields:
    """Summarise edited minus baseline activations: delta [tokens, d_model].

    Tokens that are `left_out` [tokens] bool count in no figure, unless all are.
    """
    delta = delta.detach().double().cpu()
    tokens = list(range(len(delta)))
    if left_out is not None and not left_out.all():
        tokens = (~left_out).nonzero().flatten().tolist()
        delta = delta[tokens]
    size = delta.abs()
    top = size.flatten().topk(min(_TOP, size.numel())).indices.tolist()
    places = [token_and_dimension(index, delta.shape[1]) for index in top]
    mean_size = size.mean(0)
    dimensions = mean_size.topk(min(_TOP, len(mean_size))).indices.tolist()
    return ShiftFields(
        mean_abs_diff=size.mean().item(),
        max_abs_diff=size.max().item(),
        top_dims=[
            DimensionShift(token=tokens[row], dim=dim, delta=delta[row, dim].item())
            for row, dim in places
        ],
        dimensions=[
            DimensionSummary(
                dim=dim,
                mean_delta=delta[:, dim].mean().item(),
                mean_abs_delta=mean_size[dim].item(),
                max_abs_delta=size[:, dim].max().item(),
            )
            for dim in dimensions
        ],
    )
