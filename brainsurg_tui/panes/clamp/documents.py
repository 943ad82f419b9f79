"""A clamp's report as documents that stand by themselves: HTML and Markdown."""

from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brainsurg_tui.exports import Export, csv_text, json_text, markdown_text
from brainsurg_tui.panes.clamp import text as words
from brainsurg_tui.panes.clamp.drawings import measure_svg, strip_svg
from brainsurg_tui.widgets.numbers import figure, signed
from engine.service.protocol import (
    ClampReport,
    EditedPrompt,
    ModelReport,
    ReconstructedPrompt,
    describe_edit,
)


class _Prompt(NamedTuple):
    """What a page shows of a prompt."""

    prompt: str
    figures: list[tuple[str, str]]
    strip: Markup | None
    shared: str = ""
    before: str | None = None
    after: str | None = None


def report_files(sae: str, report: ClampReport) -> list[Export]:
    """The report in all its forms: a page, a table in Markdown, every figure, and all of it."""
    name = words.file_name(sae, report)
    rows = [words.row(prompt) for prompt in report.prompts]
    return [
        Export(f"{name}.html", html(sae, report)),
        Export(f"{name}.md", markdown_text(rows, _title(sae, report))),
        Export(f"{name}.csv", csv_text(rows)),
        Export(f"{name}.json", json_text(report)),
    ]


def html(sae: str, report: ClampReport) -> str:
    """A page that needs nothing beside it: what texts hold is shown, and never run."""
    page = Environment(
        loader=PackageLoader("brainsurg_tui.panes.clamp", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    page.filters |= {"figure": figure, "signed": signed}
    model = report if isinstance(report, ModelReport) else None
    curve = None if model is None else model.curve
    drawn = [] if curve is None else [measure_svg(curve, each) for each in curve.measures]
    return page.get_template("report.html.jinja").render(
        title=_title(sae, report),
        about=_about(report),
        badges="reconstruction only" if model is None else words.badges(model.checks),
        report=report,
        pooled=[] if model is None else model.pooled,
        of_nulls=_nulls(model),
        drawings=[Markup(each) for each in drawn if each],
        claims=words.claims(report),
        prompts=[_prompt(prompt) for prompt in report.prompts],
        note="" if isinstance(report, ModelReport) else report.note,
    )


def _title(sae: str, report: ClampReport) -> str:
    edits = ", ".join(describe_edit(edit) for edit in report.edits)
    return f"{sae}: {edits}"


def _about(report: ClampReport) -> str:
    parts = [report.model, report.model_dtype, report.quantisation]
    if isinstance(report, ModelReport):
        parts.insert(1, report.site)
    parts.append(f"maximum over {report.corpus}: {', '.join(map(figure, report.maxima))}")
    parts.append(report.chat_template and f"chat template {report.chat_template}")
    return " · ".join(part for part in parts if part)


def _nulls(report: ModelReport | None) -> str:
    if report is None or not report.pooled:
        return ""
    if report.null_features:
        return "Nulls: the same edit of random features that are alike in density and maximum."
    return "Nulls: the same edit along random directions of the same length."


def _prompt(prompt: EditedPrompt | ReconstructedPrompt) -> _Prompt:
    texts = {"prompt", "before", "after"}
    figures = [
        (name, figure(value) if isinstance(value, float) else str(value))
        for name, value in words.row(prompt).items()
        if name not in texts and value is not None
    ]
    if not isinstance(prompt, EditedPrompt):
        return _Prompt(prompt.prompt, figures, None)
    shared = words.shared_length(prompt)
    strip = Markup(strip_svg(prompt.kl_per_position, prompt.tokens))
    before, after = prompt.baseline_text, prompt.edited_text
    return _Prompt(prompt.prompt, figures, strip, before[:shared], before[shared:], after[shared:])
