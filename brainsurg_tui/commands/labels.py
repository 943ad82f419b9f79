"""`label` and `labels`: what is written down about features."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.files import tell_path, write_text
from brainsurg_tui.commands.label_files import read_notes
from brainsurg_tui.commands.options import SAE, Feature
from brainsurg_tui.commands.tables.parts import pairs, show
from brainsurg_tui.exports import csv_text, json_text, markdown_text
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError
from engine.service import protocol as p

app = App(name="labels", help="Export and import what is written down about features.")


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
    common.tell({"id": feature, **row(written)}, lambda: _show_note(written) if asked else None)


@app.command
def export(
    sae: SAE,
    *,
    format: Literal["csv", "json", "markdown"] = "csv",
    out: Path | None = None,
    common: Common = Common(),
) -> None:
    """Write down every label, tag, star and note of an SAE, as a table.

    Parameters
    ----------
    format
        What to write; CSV and JSON can be imported again.
    out
        The file to write; if none is named, the table is printed.
    """
    notes = common.run(lambda client: client.ask(p.GetNotes(sae=sae))).notes
    if not notes:
        raise UserError(f"Nothing is written down about the features of {sae}.")
    rows = [{"feature": feature, **row(note)} for feature, note in notes.items()]
    match format:
        case "csv":
            text = csv_text(rows)
        case "json":
            text = json_text(rows)
        case "markdown":
            text = markdown_text(rows, f"The features of {sae}")
    if out is None:
        common.tell({"sae": sae, "features": rows}, lambda: _print(text))
    else:
        write_text(out, text)
        tell_path(common, out, features=len(rows))


@app.command(name="import")
def import_labels(
    sae: SAE,
    file: Path,
    *,
    replace: bool = False,
    common: Common = Common(),
) -> None:
    """Read labels, tags, stars and notes from a file and add them to those of an SAE.

    Parameters
    ----------
    file
        CSV under the header feature,label[,tags,starred,note]; a JSON list of such objects, or one
        of them a line; a JSON object from numbers to labels; Neuronpedia's export of explanations.
    replace
        Overwrite labels and notes that say something else; otherwise they are left as they are.
    """
    notes = read_notes(file)
    merged = common.run(
        lambda client: client.ask(p.MergeNotes(sae=sae, notes=notes, replace=replace))
    )
    common.tell(merged, lambda: _show_merged(merged))


def row(note: p.Note) -> dict[str, Any]:
    """A note as JSON and tables have it."""
    return {
        "label": note.label,
        "tags": list(note.tags),
        "starred": note.starred,
        "note": note.text,
    }


def _show_note(written: p.Note) -> None:
    """What is written down about a feature."""
    rows = {"label": written.label, "tags": " ".join(written.tags), "note": written.text}
    rows = {name: text for name, text in rows.items() if text}
    if written.starred:
        rows["starred"] = "★"
    show(pairs(rows) if rows else "Nothing is written down about it.")


def _show_merged(outcome: p.MergeOutcome) -> None:
    """What came of an import of notes."""
    show(f"{outcome.new:,} new, {outcome.same:,} the same, {len(outcome.conflicting):,} different")
    if outcome.conflicting:
        several = ", ".join(map(str, outcome.conflicting[:20]))
        more = ", …" if len(outcome.conflicting) > 20 else ""
        fate = "overwritten" if outcome.replaced else "left as they were; --replace overwrites them"
        show(f"features {several}{more}: {fate}")


def _print(text: str) -> None:
    """As it is where a program reads it, and where a person does, so that their terminal obeys
    nothing in it."""
    if sys.stdout.isatty():
        for line in text.splitlines():
            print(visible(line))
    else:
        sys.stdout.write(text)
