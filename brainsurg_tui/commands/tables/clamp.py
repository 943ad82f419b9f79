"""What an edit did."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from brainsurg_tui.commands.tables.parts import (
    Command,
    numbers,
    one_line,
    short_column,
    table,
    visible_text,
)
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.widgets.numbers import figure, signed
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

_PROMPT = 28
"""Cells for a prompt beside figures; the whole of it stands below."""
_NEXT_TOKENS = 5
_MOVED = Text("moved, below: the largest shifts, each as (token, dimension)", style="dim")


@tables_of.register
def clamp_report(report: p.ClampReport) -> Iterator[RenderableType]:
    """The figures of all prompts side by side, then each prompt by itself."""
    match report:
        case p.ModelReport():
            reads = f", by what is at {report.read_site}" if report.read_site else ""
            yield Text(f"{_edits(report)} at {report.site}{reads}", style="bold")
            yield _badges(report.checks)
            yield from _warnings(report)
            yield from ("", _shifts(report), _MOVED, "", _effects(report))
            if report.pooled:
                yield from ("", _pooled(report), _pooled_note(report))
            if report.curve is not None:
                yield from _curve(report.curve)
            for edited in report.prompts:
                yield from ("", visible_text(edited.prompt, "bold"), _texts(edited))
        case p.ReconstructionReport():
            yield Text(f"{_edits(report)}, reconstruction only", style="bold")
            yield from _warnings(report)
            yield from ("", _shifts(report), _MOVED)
            for decoded in report.prompts:
                yield from ("", visible_text(decoded.prompt, "bold"), _rows(moved=_moved(decoded)))
            yield from ("", Text(report.note, style="dim"))
    yield from ("", Command(visible(report.reproduce), style="dim"))


def _edits(report: p.ClampReport) -> str:
    named = []
    for edit, maximum in zip(report.edits, report.maxima, strict=True):
        operation = p.find_operation(edit.operation)
        unit = f"× max ({figure(maximum)})" if edit.unit == "max" and operation.has_unit else ""
        amount = "" if operation.takes == "nothing" else f" {edit.value:g} {unit}".rstrip()
        named.append(f"{edit.operation} {edit.feature}{amount}")
    return ", ".join(named)


def _badges(checks: p.Checks) -> Text:
    badges = {
        "no-op": checks.no_op,
        "HF": checks.hf_identical,
        "error kept": checks.error_kept,
        "BOS masked": checks.bos_masked,
        "sinks masked": checks.sinks_masked,
    }
    return Text("  ").join(
        Text(f"{name} {'✓' if good else '✗'}", style="green" if good else "red")
        for name, good in badges.items()
        if good is not None
    )


def _warnings(report: p.ClampReport) -> Iterator[Text]:
    return (visible_text(warning, "yellow") for warning in report.warnings)


def _shifts(report: p.ClampReport) -> Table:
    """How far each prompt's activations moved, and in which dimensions most."""
    made = table(Column("prompt", max_width=_PROMPT), *numbers("mean |Δ|", "max |Δ|"), "dimensions")
    for prompt in report.prompts:
        made.add_row(
            one_line(prompt.prompt),
            figure(prompt.mean_abs_diff),
            figure(prompt.max_abs_diff),
            " ".join(str(summary.dim) for summary in prompt.dimensions),
        )
    return made


def _effects(report: p.ModelReport) -> Table:
    """What followed for the next tokens, beside the same edit of other features."""
    made = table(
        Column("prompt", max_width=_PROMPT), *numbers("KL", "ΔCE", "null KL (5–95 %)", "p")
    )
    for prompt in report.prompts:
        null = prompt.null
        made.add_row(
            one_line(prompt.prompt),
            figure(prompt.kl),
            "–" if prompt.delta_ce is None else f"{prompt.delta_ce:+.3g}",
            f"{figure(null.mean)} [{figure(null.low)}–{figure(null.high)}]" if null else "–",
            figure(null.p) if null else "–",
        )
    return made


def _pooled(report: p.ModelReport) -> Table:
    """Each measure over all prompts, beside its nulls: one test of the edit."""
    made = table("measure", *numbers("mean", "5–95 % of nulls", "p", "flipped", "silent"))
    for index, pooled in enumerate(report.pooled):
        effects = [prompt.effects[index] for prompt in report.prompts]
        made.add_row(
            visible(f"{pooled.measure}, {pooled.unit}"),
            signed(pooled.value),
            _null(pooled.null),
            figure(pooled.null.p) if pooled.null else "–",
            _mean([effect.flipped for effect in effects]),
            _mean([effect.where_silent for effect in effects]),
        )
    return made


def _pooled_note(report: p.ModelReport) -> Text:
    drawn = next((pooled.null.n for pooled in report.pooled if pooled.null), 0)
    of = "random directions" if not report.null_features else "matched features"
    early = next((pooled.measure for pooled in report.pooled if pooled.stopped_early), None)
    ended = f" and no more, as ten were as far from 0 by {early}" if early else ""
    return Text(
        f"over all prompts, beside {drawn} {of}{ended}; flipped: the edit the opposite way; silent:"
        " only where the feature isn't active",
        style="dim",
    )


def _curve(curve: p.Curve) -> Iterator[RenderableType]:
    """Each measure at each strength, beside its nulls' band, and what becomes of the text."""
    for measure in curve.measures:
        made = table(*numbers("strength", "mean", "5–95 % of nulls", "log p of text"))
        for place, strength in enumerate(curve.strengths):
            band = [signed(each[place]) for each in (measure.low, measure.high) if each]
            made.add_row(
                f"{strength:g}",
                signed(measure.values[place]),
                " ".join(band) or "–",
                f"{curve.quality[place]:.2f}" if curve.quality else "–",
            )
        onset = "none" if measure.onset is None else f"{measure.onset:g}"
        title = f"{measure.measure}, {measure.unit}, by strength; onset: {onset}"
        yield from ("", visible_text(title, "bold"), made)
    broken = "none" if curve.breaking is None else f"{curve.breaking:g}"
    clean = "–" if curve.clean_quality is None else f"{curve.clean_quality:.2f}"
    yield Text(
        f"onset: further from 0 than all of {curve.nulls} nulls; log p a token under"
        f" the clean model, whose own text has {clean}; breaking point (2 nats less): {broken}",
        style="dim",
    )


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return signed(sum(known) / len(known)) if known else "–"


def _null(null: p.Null | None) -> str:
    return f"{signed(null.low)} {signed(null.high)}" if null else "–"


def _texts(prompt: p.EditedPrompt) -> RenderableType:
    """What the model goes on with, and the tokens that it thought likeliest."""
    likeliest = prompt.next_token[:_NEXT_TOKENS]
    tokens = table(
        short_column("logp"), *numbers(*(f"{visible(each.token)!r}" for each in likeliest))
    )
    tokens.add_row("before", *(_logp(each.logp_before) for each in likeliest))
    tokens.add_row("after", *(_logp(each.logp_after) for each in likeliest))
    return _rows(
        moved=_moved(prompt),
        before=visible_text(prompt.baseline_text),
        after=visible_text(prompt.edited_text),
        next=tokens,
    )


def _logp(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # a sum with zero is never a negative zero


def _moved(prompt: p.EditedPrompt | p.ReconstructedPrompt) -> Text:
    return Text("  ".join(f"({top.token},{top.dim}){top.delta:+.3g}" for top in prompt.top_dims))


def _rows(**named: RenderableType) -> RenderableType:
    """Things below each other behind their names."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, what in named.items():
        made.add_row(name, what)
    return Padding.indent(made, 2)
