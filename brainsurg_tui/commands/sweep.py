"""`sweep`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter, Token

from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.training_options import (
    AUTOENCODER,
    TRAINING,
    Settings,
    Source,
    check_beginning,
    given,
)
from engine.service import protocol as p


def _listed(kind: Any, tokens: Sequence[Token]) -> list[Any]:
    """Values with commas between, as `kind` (a list of something) has them."""
    (element,) = kind.__args__
    text = ",".join(token.value for token in tokens)
    try:
        return [element(part) for part in map(str.strip, text.split(",")) if part]
    except ValueError:
        example = "16,32" if element is int else "0.1,0.3"
        raise ValueError(f"{text!r} is no list such as {example}.") from None


LISTED = Parameter(converter=_listed, metavar="A,B,…")


@Parameter(name="*", group=AUTOENCODER)
@dataclass(frozen=True, kw_only=True)
class Grid:
    """What is varied: each is a list with commas between."""

    archs: Annotated[list[str] | None, LISTED, Parameter(name="arch")] = None
    """Architectures, with commas between; topk if none is named."""
    widths: Annotated[list[int] | None, LISTED, Parameter(name="width")] = None
    """Numbers of features, such as 1024,4096."""
    ks: Annotated[list[int] | None, LISTED, Parameter(name="k")] = None
    """Active features per token, such as 16,32,64, or how many to aim at (jumprelu)."""
    l1s: Annotated[list[float] | None, LISTED, Parameter(name="l1")] = None
    """Weights of the sparsity penalty (relu, gated), such as 0.1,0.3."""
    lrs: Annotated[list[float] | None, LISTED, Parameter(name="lr", group=TRAINING)] = None
    """Learning rates, such as 1e-3,3e-4."""


def sweep(
    name: Annotated[str, Parameter(help="What the names of the SAEs begin with.")],
    *,
    source: Source = Source(),
    grid: Grid = Grid(),
    settings: Settings = Settings(),
    resume: bool = False,
    replace: bool = False,
    common: JobOptions = JobOptions(),
) -> None:
    """Train an SAE for every combination of some settings, and compare them.

    All learn from one stream of activations. What is listed is varied and stands in the names of
    the SAEs: with --k 16,32 --width 1024 they are NAME.k16.w1024 and NAME.k32.w1024.

    Parameters
    ----------
    resume
        Keep what the sweep of this name has trained, and go on with the rest.
    replace
        Put them in the place of SAEs of their names.
    """
    check_beginning(resume=resume, replace=replace)
    source.check()
    common.run_and_print(
        p.Sweep(
            train=p.Train(
                name=name,
                resume=resume,
                replace=replace,
                device=common.device,
                seed=common.seed,
                **source.said(),
                **given(settings),
            ),
            **given(grid),
        )
    )
