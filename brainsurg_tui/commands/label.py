"""`label`."""

from typing import Annotated

from cyclopts import Parameter

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import SAE, Feature
from brainsurg_tui.commands.tables.notes import note_row, note_tables
from brainsurg_tui.commands.tables.parts import show
from engine.service import protocol as p


def label(
    sae: SAE,
    feature: Feature,
    text: str | None = None,
    *,
    tag: list[str] | None = None,
    untag: list[str] | None = None,
    star: Annotated[bool | None, Parameter(negative="--no-star")] = None,
    note: str | None = None,
    common: Common = Common(),
) -> None:
    """Name a feature, tag it, star it, or write a note; with nothing else, show what there is.

    Parameters
    ----------
    text
        What to call it; an empty text takes its name away.
    tag
        A word to find it by; may be given several times.
    untag
        A tag to take away; may be given several times.
    star
        Star it, or take its star away.
    note
        Anything longer; an empty text takes the note away.
    """
    request = p.AmendNote(
        sae=sae,
        feature=feature,
        label=text,
        tag=tuple(tag or ()),
        untag=tuple(untag or ()),
        starred=star,
        text=note,
    )
    written = common.run(lambda client: client.ask(request))
    asked = all(change is None for change in (text, tag, untag, star, note))
    common.print_result(
        {"id": feature, **note_row(written)}, lambda: show(*note_tables(written)) if asked else None
    )
