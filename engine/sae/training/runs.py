"""What is trained: one autoencoder, or several from one stream of activations."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.activations.batches.source import Rows
from engine.errors import UserError
from engine.sae.config import SAEConfig, TrainConfig


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One autoencoder that is to be trained."""

    sae: SAEConfig
    training: TrainConfig
    site: str = ""
    """The site in the stream that it reads, by its name there."""
    target: str | None = None
    """For a transcoder: the site that it predicts. None: it reconstructs what it reads."""
    name: str = ""
    """What tells it from the others of the same stream."""

    @property
    def sites(self) -> tuple[str, str]:
        """The sites that it reads and decodes to."""
        return self.site, self.site if self.target is None else self.target


def check_runs(runs: Sequence[Run], rows: Rows) -> None:
    """Raise UserError unless every run can be trained from a stream of such rows, all at once."""
    for run in runs:
        if (run.target is not None) != run.sae.transcodes:
            raise UserError(
                "A transcoder needs the site that it is to predict, and nothing else does."
            )
        for site, width in zip(run.sites, (run.sae.d_in, run.sae.width_out), strict=True):
            if site not in rows:
                raise UserError(
                    f"There are no activations at {site or 'an unknown site'} here.",
                    f"Choose among {', '.join(rows)}.",
                )
            if rows[site].shape[1] != width:
                raise UserError(
                    f"The activations at {site or 'the site'} are {rows[site].shape[1]} wide, not"
                    f" {width}.",
                    "Use activations of the site that this was made for.",
                )
    if len({(run.training.batch, run.training.steps) for run in runs}) > 1:
        raise UserError(
            "What is trained from one stream must have the same batch and the same tokens.",
            "Give both, or train one after the other.",
        )
    if len({run.name for run in runs}) < len(runs):
        raise UserError("Two trainings have the same name.", "Give each a name of its own.")


def state_of_runs(state: Mapping[str, Any], places: Sequence[int]) -> dict[str, Any]:
    """The state of a `TrainerGroup` of some of the runs of another, whose state is given, by their
    places in it."""
    return {
        name: [of_each[place] for place in places] if of_each else []
        for name, of_each in state.items()
    }
