"""`find`, `contrast` and `nearest`: from texts and from features to other features."""

from pathlib import Path
from typing import Literal

from cyclopts.types import NonNegativeInt

from brainsurg_tui.commands.common import Common, absolute, wrong_usage
from brainsurg_tui.commands.following import ask_long
from brainsurg_tui.commands.options import SAE, Feature, Most
from brainsurg_tui.commands.tables import finding as tables
from brainsurg_tui.commands.tables.parts import show
from engine.service import protocol as p


def find(
    sae: SAE,
    *,
    prompt: str,
    target: str | None = None,
    ablate: NonNegativeInt = 50,
    top: Most = 20,
    by: Literal["effect", "activation"] = "effect",
    common: Common = Common(),
) -> None:
    """Show which features fire in a prompt, and which of them matter for what comes next.

    Parameters
    ----------
    prompt
        The text.
    target
        The next token to explain, such as " Paris"; if none is named, the likeliest.
    ablate
        How many features to ablate for real, the strongest by gradient times activation.
    by
        What to order them by: the effect of ablating them, or their largest activation.
    """
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
    common.tell(found, lambda: show(tables.firing(found)))


def contrast(
    sae: SAE,
    *,
    a: str | None = None,
    a_file: Path | None = None,
    b: str | None = None,
    b_file: Path | None = None,
    top: Most = 20,
    common: Common = Common(),
) -> None:
    """Show which features tell one text, or file of texts, from another.

    Parameters
    ----------
    a
        The one text.
    a_file
        Or a file of them: prompts, or a corpus (.txt, .jsonl, .json, .parquet, a folder).
    b
        The other text.
    b_file
        Or a file of them.
    """
    question = p.FindContrast(
        sae=sae,
        a=_source("a", a, a_file),
        b=_source("b", b, b_file),
        most=top,
        device=common.device,
    )
    found = common.run(lambda client: ask_long(client, question))
    common.tell(found, lambda: show(tables.contrast(found)))


def nearest(
    sae: SAE,
    feature: Feature,
    *,
    other: str | None = None,
    top: Most = 10,
    common: Common = Common(),
) -> None:
    """Show the features whose decoder directions are most like one's own.

    Parameters
    ----------
    other
        Another SAE to look in; if none is named, the same.
    """
    question = p.GetNearest(sae=sae, feature=feature, other=other, most=top, device=common.device)
    found = common.run(lambda client: ask_long(client, question))
    common.tell(found, lambda: show(tables.relatives(found)))


def _source(side: str, text: str | None, file: Path | None) -> p.TextSource:
    if (text is None) == (file is None):
        wrong_usage(f"Give either --{side} or --{side}-file.")
    if file is not None:
        return p.TextSource(file=absolute(file))
    return p.TextSource(text=text or "")
