"""What `train` and `sweep` have in common."""

from dataclasses import dataclass, fields
from typing import Annotated, Any

from cyclopts import Group, Parameter

from brainsurg_tui.commands.common import absolute, model_source, wrong_usage
from brainsurg_tui.commands.options import Context, Dataset, Texts
from engine.service import protocol as p

SOURCE = Group("What to learn from", sort_key=1)
AUTOENCODER = Group("The autoencoder", sort_key=2)
TRAINING = Group("The training", sort_key=3)


@Parameter(name="*", group=SOURCE)
@dataclass(frozen=True, kw_only=True)
class Source:
    """An activation set, or a model and the text that it reads meanwhile."""

    activations: str | None = None
    """The activation set to learn from."""
    target: str | None = None
    """For a transcoder: the set to predict, captured in one go with the other."""
    model: str | None = None
    """Without a set: a folder, a hub id, or `demo` for the embedded model."""
    site: str | None = None
    """Where to look in the model, such as resid_post.13."""
    target_site: str | None = None
    """For a transcoder: the site to predict."""
    text: Texts = None
    dataset: Dataset = None
    context: Context = None

    def said(self) -> dict[str, Any]:
        """What was given, by the names that `p.Train` has for it."""
        said = given(self)
        if self.model is not None:
            said["model"] = model_source(self.model)
        if self.text is not None:
            said["texts"] = [absolute(path) for path in said.pop("text")]
        return said

    def check(self) -> None:
        """End the command where there is nothing to learn from, or two things."""
        if (self.activations is None) == (self.model is None):
            wrong_usage("Give --activations, or --model with --site and --text or --dataset.")


@Parameter(name="*", group=TRAINING)
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all trainings of a sweep share, and a single one has, too."""

    skip: Annotated[bool | None, Parameter(group=AUTOENCODER)] = None
    """For a transcoder: a linear map beside the features."""
    preset: Annotated[str | None, Parameter(choices=tuple(p.PRESETS))] = None
    """A published recipe; our own if none is named."""
    tokens: int | None = None
    """Training tokens of an SAE, counted with repetition."""
    batch: int | None = None
    """Tokens per step."""
    checkpoint_minutes: float | None = None
    """How often to save where it stands; 5 if nothing is said."""


def given(options: Any) -> dict[str, Any]:
    """Those of a dataclass's options that were given."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    return {name: value for name, value in values.items() if value is not None}


def check_beginning(*, resume: bool, replace: bool) -> None:
    """End the command where it says to begin in two ways."""
    if resume and replace:
        wrong_usage("--resume goes on and --replace begins anew: give one of them.")
