"""`export-features`: features for people, spreadsheets and scripts, and for Neuronpedia."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from brainsurg_tui.commands.common import absolute, wrong_usage
from brainsurg_tui.commands.files import check_replaceable, print_path, write_text
from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.json_document import plain_data
from brainsurg_tui.commands.options import (
    By,
    DeviceMap,
    ModelDtype,
    MovedModel,
    Quantize,
    ScannedSAE,
)
from brainsurg_tui.commands.progress import ensure_scanned
from brainsurg_tui.exports import csv_text, json_text, markdown_text
from engine.errors import UserError
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client

EVERY = 2**31 - 1
"""More features than there are."""
SNIPPETS = {"markdown": 1, "csv": 1, "json": 5, "neuronpedia": 0}
"""How many snippets of each feature a format holds; dashboards find their own."""


def export_features(
    sae: ScannedSAE,
    out: Path,
    *,
    format: Literal["markdown", "csv", "json", "neuronpedia"],
    filter: str = "",
    by: Annotated[
        By, Parameter(help="What to order them by; dashboards are in the order of their numbers.")
    ] = "max",
    top: PositiveInt | None = None,
    batch: PositiveInt = 128,
    replace: bool = False,
    model: Annotated[
        MovedModel,
        Parameter(
            help="Of neuronpedia: the SAE's model, if it lies elsewhere now; dashboards need it."
        ),
    ] = None,
    model_dtype: ModelDtype = "auto",
    quantize: Quantize = "auto",
    device_map: DeviceMap = "",
    common: JobOptions = JobOptions(),
) -> None:
    """Write the features of an SAE into a file, or their dashboards into a folder.

    Parameters
    ----------
    out
        The file to write; of neuronpedia, the folder to make.
    format
        A table in Markdown or CSV; JSON, with five snippets a feature; or neuronpedia: the files
        batch-0.json, batch-1.json … that SAEDashboard makes and Neuronpedia reads.
    filter
        Which features, as in `brainsurg features`; if nothing is said, all that were ever active.
    top
        Only so many, the first by that order.
    batch
        Of neuronpedia: features a file.
    replace
        Write over a file that is there already; a folder is never replaced.
    common.detach
        Of neuronpedia: queue the job, print its id and return.
    """
    request = p.RankFeatures(
        sae=sae, top=top or EVERY, by=by, filter=filter, snippets=SNIPPETS[format]
    )
    if format == "neuronpedia":
        if replace:
            wrong_usage("--replace belongs to formats that are one file: no folder is replaced.")
        chosen = _rank(common, request) if filter or top else None
        common.run(lambda client: ensure_scanned(client, sae, common))
        common.run_and_print(
            p.ExportFeatures(
                sae=sae,
                folder=absolute(out),
                features=None if chosen is None else sorted(feature.id for feature in chosen),
                model=None if model is None else p.absolute_source(model),
                model_dtype=model_dtype,
                quantize=quantize,
                device_map=p.absolute_source(device_map),
                batch=batch,
                device=common.device,
                seed=common.seed,
            )
        )
        return
    if common.detach or model is not None:
        wrong_usage("--detach and --model belong to --format neuronpedia.")
    check_replaceable(out, replace=replace)
    found = _rank(common, request)
    rows = [_row(feature) for feature in found]
    match format:
        case "markdown":
            text = markdown_text(rows, f"Features of {sae}, by {by}")
        case "csv":
            text = csv_text(rows)
        case "json":
            text = json_text(
                {"sae": sae, "by": by, "filter": filter, "features": plain_data(found)}
            )
    write_text(out, text, replace=replace)
    print_path(common, out, features=len(found))


def _rank(common: JobOptions, request: p.RankFeatures) -> list[p.FeatureDetail]:
    """The features that match, in order. UserError if none does."""

    async def talk(client: "Client") -> p.FeatureList:
        await ensure_scanned(client, request.sae, common)
        return await client.ask(request)

    found = common.run(talk)
    if not found.features:
        raise UserError(f"No feature of {found.total:,} matches.", "Nothing is written.")
    return found.features


def _row(feature: p.FeatureDetail) -> dict[str, Any]:
    """A feature as a row of an exported table: column names and values."""
    row: dict[str, Any] = {
        "feature": feature.id,
        "label": feature.label,
        "tags": list(feature.tags),
        "starred": feature.starred,
        "note": feature.note,
    }
    figures = feature.figures()
    by_category = [c.name for c in p.table_columns() if c.needs_categories and c.name in figures]
    row |= {name: figures[name] for name in figures if name not in by_category}
    if feature.category:
        row |= {"category": feature.category} | {name: figures[name] for name in by_category}
    row |= {"promoted": feature.promoted, "suppressed": feature.suppressed}
    return row | {"snippet": "".join(_mark_peak(snippet) for snippet in feature.snippets)}


def _mark_peak(snippet: p.Snippet) -> str:
    """The text of a snippet with its peak between angle quotes."""
    tokens = list(snippet.tokens)
    tokens[snippet.peak] = f"«{tokens[snippet.peak]}»"
    return "".join(tokens)
