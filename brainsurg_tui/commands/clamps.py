"""`clamps`: the reports of clamps that the workspace keeps."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.files import check_replaceable, print_path, write_text
from brainsurg_tui.commands.json_document import plain_data
from brainsurg_tui.exports import csv_text, json_text, markdown_text
from brainsurg_tui.panes.clamp.text import row
from brainsurg_tui.widgets.numbers import date_and_time
from engine.service import protocol as p

app = App(
    name="clamps",
    help="List, show, export and delete the reports of clamps that are kept: the newest 500.",
)

Clamp = Annotated[int, Parameter(help="The report's number.")]


@app.default
@app.command(name="list", sort_key=0)
def list_clamps(*, common: Common = Common()) -> None:
    """List every report that is kept, newest first."""
    common.print_result(common.run(lambda client: client.ask(p.GetClamps())))


@app.command(name="show", sort_key=1)
def show_clamp(id: Clamp, *, common: Common = Common()) -> None:
    """Show a report again, as `clamp` showed it."""
    common.print_result(_get(id, common).report)


@app.command(sort_key=2)
def export(
    id: Clamp,
    *,
    format: Literal["json", "csv", "markdown", "html"] = "json",
    out: Path,
    replace: bool = False,
    common: Common = Common(),
) -> None:
    """Write a report as a file.

    Parameters
    ----------
    format
        `json`: all of it, with what was asked for; `csv` and `markdown`: figures and texts, a row
        for each prompt; `html`: a page with curves and texts, which needs nothing beside it.
    out
        The file to write.
    replace
        Write over a file that is there already.
    """
    check_replaceable(out, replace=replace)
    kept = _get(id, common)
    rows = [row(prompt) for prompt in kept.report.prompts]
    match format:
        case "json":
            text = json_text(plain_data(kept))
        case "csv":
            text = csv_text(rows)
        case "html":
            from brainsurg_tui.panes.clamp.documents import html  # templates, once wanted

            text = html(kept.request.sae, kept.report)
        case "markdown":
            title = f"Clamp {id} of {kept.request.sae}, {date_and_time(kept.created)}"
            text = markdown_text(rows, title)
    write_text(out, text, replace=replace)
    print_path(common, out, prompts=len(rows))


@app.command(sort_key=3)
def delete(id: Clamp, *, common: Common = Common()) -> None:
    """Delete a report from disk."""
    common.run(lambda client: client.ask(p.DeleteClamp(id=id)))
    common.print_result({"deleted": id})


def _get(id: int, common: Common) -> p.ClampRecord:
    return common.run(lambda client: client.ask(p.GetClamp(id=id)))
