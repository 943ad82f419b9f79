"""What rows of edits do to a prompt, by several measures, and what that is over all prompts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.interventions.delta import ResolvedEdit
from engine.interventions.meters import Meter
from engine.interventions.nulls import compare_in_sequence, compare_with_null, is_clear
from engine.interventions.prompt_run import Outcomes, PromptRun
from engine.interventions.spec import Effect, PooledEffect

CONTROLS = 2
"""Rows behind the edit that are no nulls: it flipped, and only where the feature is silent."""


@dataclass
class RowEffects:
    """The effects of rows of edits on one prompt: the edit, its controls, then the nulls."""

    run: PromptRun
    counted: Tensor
    """[tokens] bool: of which tokens means are taken."""
    before: list[float]
    """Of each meter, the mean of the clean model."""
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    """[meters, rows]: means of the edited model minus those of the clean one."""

    def nulls(self, meter: int) -> list[float]:
        """The effects of the nulls by one meter."""
        found: list[float] = self.values[meter, 1 + CONTROLS :].tolist()
        return found

    def add(self, more: NDArray[np.float64]) -> None:
        """Take the effects [meters, rows] of further nulls."""
        self.values = np.concatenate([self.values, more], axis=1)

    def effects(self, meters: Sequence[Meter]) -> list[Effect]:
        """What is reported of each meter."""
        found = []
        for index, meter in enumerate(meters):
            value, *others = self.values[index, : 1 + CONTROLS].tolist()
            flipped, where_silent = others or (None, None)
            found.append(
                Effect(
                    measure=meter.name,
                    unit=meter.unit,
                    before=self.before[index],
                    after=self.before[index] + value,
                    value=value,
                    flipped=flipped,
                    where_silent=where_silent,
                    null=compare_with_null(value, self.nulls(index)),
                )
            )
        return found


def measure_rows(
    run: PromptRun,
    rows: Sequence[Sequence[ResolvedEdit]],
    meters: Sequence[Meter],
    counted: Tensor,
    look: Callable[[Outcomes, list[Tensor]], None],
) -> tuple[list[float], NDArray[np.float64]]:
    """Each meter's mean of the clean model, and its change by each row of edits: [meters, rows].

    `look` is called with each batch of outcomes, and [rows, tokens] of each meter.
    """
    before: list[float] = []
    parts: list[Tensor] = []
    sites = {meter.site for meter in meters if meter.site is not None}
    for outcomes in run.outcomes_under(rows, sites):
        readings = [meter.read(outcomes) for meter in meters]
        look(outcomes, readings)
        means = torch.stack([each[:, counted].mean(-1) for each in readings]).cpu()
        before = before or means[:, 0].tolist()
        # of the clean row of the same batch: other batches round otherwise
        parts.append(means[:, 1:] - means[:, :1])
    return before, torch.cat(parts, dim=1).numpy()


def pooled_values(prompts: Sequence[RowEffects], meter: int) -> tuple[float, list[float]]:
    """The mean over prompts of the edit's effects by one meter, and that of each null's."""
    means = np.mean([each.values[meter] for each in prompts], axis=0)
    return float(means[0]), means[1 + CONTROLS :].tolist()


def needs_more_nulls(prompts: Sequence[RowEffects], meter: int) -> bool:
    """Whether p over all prompts may still become as small as more nulls let it."""
    return not is_clear(*pooled_values(prompts, meter))


def pooled_effects(
    prompts: Sequence[RowEffects], meters: Sequence[Meter], *, tested: int | None
) -> list[PooledEffect]:
    """Each meter over all prompts; `tested` is the one that said when enough nulls were drawn, None
    where their number was fixed."""
    found = []
    for index, meter in enumerate(meters):
        value, nulls = pooled_values(prompts, index)
        in_sequence = index == tested
        found.append(
            PooledEffect(
                measure=meter.name,
                unit=meter.unit,
                value=value,
                prompts=len(prompts),
                null=(compare_in_sequence if in_sequence else compare_with_null)(value, nulls),
                stopped_early=in_sequence and is_clear(value, nulls),
            )
        )
    return found
