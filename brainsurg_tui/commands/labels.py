"""`labels`: what is written down about all features of an SAE."""

import sys
from pathlib import Path
from typing import Literal

from cyclopts import App

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.files import check_replaceable, print_path, write_text
from brainsurg_tui.commands.label_files import read_notes
from brainsurg_tui.commands.options import SAE
from brainsurg_tui.commands.tables.notes import note_row
from brainsurg_tui.exports import csv_text, json_text, markdown_text
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError
from engine.service import protocol as p

app = App(name="labels", help="Export and import what is written down about features.")


@app.command
def export(
    sae: SAE,
    *,
    format: Literal["csv", "json", "markdown"] = "csv",
    out: Path | None = None,
    replace: bool = False,
    common: Common = Common(),
) -> None:
    """Write down every label, tag, star and note of an SAE, as a table.

    Parameters
    ----------
    format
        What to write; CSV and JSON can be imported again.
    out
        The file to write; if none is named, the table is printed.
    replace
        Write over a file that is there already.
    """
    if out is not None:
        check_replaceable(out, replace=replace)
    notes = common.run(lambda client: client.ask(p.GetNotes(sae=sae))).notes
    if not notes:
        raise UserError(f"Nothing is written down about the features of {sae}.")
    rows = [{"feature": feature, **note_row(note)} for feature, note in notes.items()]
    match format:
        case "csv":
            text = csv_text(rows)
        case "json":
            text = json_text(rows)
        case "markdown":
            text = markdown_text(rows, f"The features of {sae}")
    if out is None:
        common.print_result({"sae": sae, "features": rows}, lambda: _print(text))
    else:
        write_text(out, text, replace=replace)
        print_path(common, out, features=len(rows))


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
        of them a line; a JSON object from numbers to labels; Neuronpedia's explanations;
        any of them packed by gzip.
    replace
        Overwrite labels and notes that say something else; otherwise they are left as they are.
    """
    notes = read_notes(file)
    merged = common.run(
        lambda client: client.ask(p.MergeNotes(sae=sae, notes=notes, replace=replace))
    )
    common.print_result(merged)


def _print(text: str) -> None:
    """As it is where a program reads it, and where a person does, so that their terminal obeys
    nothing in it."""
    if sys.stdout.isatty():
        for line in text.splitlines():
            print(visible(line))
    else:
        sys.stdout.write(text)
