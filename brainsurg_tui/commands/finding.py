"""`find`, `contrast` and `nearest`: from texts and from features to other features."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from brainsurg_tui.commands import finding_tables
from brainsurg_tui.commands.common import Common, absolute, wrong_usage
from brainsurg_tui.commands.following import ask_long
from brainsurg_tui.commands.tables import show
from engine.service import protocol as p

Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]


def find(
    sae: str,
    *,
    prompt: str,
    target: str | None = None,
    ablate: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 50,
    top: Count = 20,
    by: Literal["effect", "activation"] = "effect",
    common: Common | None = None,
) -> None:
    """Show which features fire in a prompt, and which of them matter for what comes next.

    Parameters
    ----------
    sae
        The SAE.
    prompt
        The text.
    target
        The next token to explain, such as " Paris"; if none is named, the likeliest.
    ablate
        How many features to ablate for real, the strongest by gradient times activation.
    top
        How many features to show.
    by
        What to order them by: the effect of ablating them, or their largest activation.
    """
    common = common or Common()
    question = p.FindFiring(
        sae=sae,
        prompt=prompt,
        target=target,
        ablate=ablate,
        most=top,
        by=by,
        device=common.device,
    )
    found = common.run(lambda client: ask_long(client, question))
    common.tell(found, lambda: show(finding_tables.firing(found)))


def contrast(
    sae: str,
    *,
    a: str | None = None,
    a_file: Path | None = None,
    b: str | None = None,
    b_file: Path | None = None,
    top: Count = 20,
    common: Common | None = None,
) -> None:
    """Show which features tell one text, or file of texts, from another.

    Parameters
    ----------
    sae
        The SAE.
    a
        The one text.
    a_file
        Or a file of them: prompts, or a corpus (.txt, .jsonl, .json, .parquet, a folder).
    b
        The other text.
    b_file
        Or a file of them.
    top
        How many features to show.
    """
    common = common or Common()
    question = p.FindContrast(
        sae=sae,
        a=_source("a", a, a_file),
        b=_source("b", b, b_file),
        most=top,
        device=common.device,
    )
    found = common.run(lambda client: ask_long(client, question))
    common.tell(found, lambda: show(finding_tables.contrast(found)))


def nearest(
    sae: str,
    feature: int,
    *,
    other: str | None = None,
    top: Count = 10,
    common: Common | None = None,
) -> None:
    """Show the features whose decoder directions are most like one's own.

    Parameters
    ----------
    sae
        The SAE.
    feature
        Its feature.
    other
        Another SAE to look in; if none is named, the same.
    top
        How many features to show.
    """
    common = common or Common()
    question = p.GetNearest(sae=sae, feature=feature, other=other, most=top, device=common.device)
    found = common.run(lambda client: ask_long(client, question))
    common.tell(found, lambda: show(finding_tables.relatives(found)))


def _source(side: str, text: str | None, file: Path | None) -> p.TextSource:
    if (text is None) == (file is None):
        wrong_usage(f"give either --{side} or --{side}-file.")
    if file is not None:
        return p.TextSource(file=absolute(file))
    return p.TextSource(text=text or "")
