"""How the command line shows what the engine answered: rich tables on stdout.

Texts of users and models go in as `Text` made of visible characters, never as markup.
"""

import time
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from brainsurg_tui.commands.common import Common, plain
from brainsurg_tui.commands.comparison import comparison
from brainsurg_tui.commands.evaluation import evaluation
from brainsurg_tui.widgets.bars import progress_bar
from brainsurg_tui.widgets.numbers import byte_size, figure, quantity, seconds
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

_METRICS = {"mse": "mse", "fvu": "fvu", "cosine": "cosine", "l0": "L0", "dead_fraction": "dead"}
"""The metrics that fit beside each other on 80 columns, and their titles."""


def show(*what: RenderableType) -> None:
    """Print to stdout."""
    console = Console(highlight=False)
    for one in what:
        console.print(one, soft_wrap=isinstance(one, Command))


class Command(Text):
    """A command to copy: the terminal may wrap it, we don't."""


def tell_job(common: Common, outcome: p.JobResult | p.JobInfo) -> None:
    """Print what a job made, or with --detach its number."""
    if isinstance(outcome, p.JobInfo):
        common.tell(job_row(outcome), lambda: print(outcome.id))
    else:
        common.tell(outcome, lambda: show(_made(outcome)))


def pairs(rows: dict[str, str]) -> Table:
    """Names and values, one pair a line."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), _text(value))
    return table


def job_row(job: p.JobInfo) -> dict[str, Any]:
    """A job as the contract's JSON has it, and the rest of what is known."""
    progress = job.progress
    done = progress.done / progress.total if progress and progress.total else None
    return {
        "id": job.id,
        "kind": type(job.spec).__struct_config__.tag,
        "state": job.state,
        "progress": 1.0 if job.state == "done" else done,
        "seconds": _elapsed(job),
        "error": job.error,
        "spec": plain(job.spec),
        "result": plain(job.result),
    }


def jobs(rows: list[p.JobInfo]) -> None:
    """The queue."""
    table = _table("id", "job", "state", "progress", "time", "", right=(0, 4))
    for job in rows:
        row = job_row(job)
        table.add_row(
            str(job.id),
            _text(p.describe(job.spec)),
            job.state,
            progress_bar(row["progress"] or 0.0, 12),
            seconds(row["seconds"] or 0.0),
            _text(job.error),
        )
    show(table if rows else "No job yet.")


def sites(found: p.Sites) -> None:
    """Every site of a model."""
    table = _table("site", "width", "module", "meaning", right=(1,))
    for site in found.sites:
        table.add_row(site.site, str(site.width), _text(site.module), site.meaning)
    show(table)


def summary(found: p.ActivationsSummary) -> None:
    """The seed's summary statistics."""
    show(
        pairs(
            {
                "total prompts": f"{found.prompts:,}",
                "average tokens": f"{found.average_tokens:.1f}",
                "hidden size": f"{found.d_model:,}",
                "activation vectors": f"{found.vectors:,}",
            }
        )
    )


def saes(rows: list[p.SAEInfo]) -> None:
    """SAEs side by side: what they are, and how well they reconstruct."""
    table = _table("sae", "width", *_METRICS.values(), right=tuple(range(1, 2 + len(_METRICS))))
    for sae in rows:
        figures = [figure(sae.metrics[m]) if m in sae.metrics else "–" for m in _METRICS]
        table.add_row(_text(sae.name), f"{sae.d_sae:,}", *figures)
    show(table)


def features(found: p.FeatureList, by: str) -> None:
    """Features with their snippets."""
    if not found.features:
        show(f"No feature of {found.total:,} matches.")
        return
    shown = f"{len(found.features)} of {found.matching:,} features that match, by {by}"
    show(Text(f"{shown}; {found.total:,} in all", style="dim"))
    if found.scanned < 1:
        show(Text(f"The scan goes on: {found.scanned:.0%} of the text so far.", style="yellow"))
    for feature in found.features:
        show("", _feature(feature))


def clamp(report: p.ClampReport) -> None:
    """What an edit did."""
    match report:
        case p.ModelReport():
            show(*_model_report(report))
        case p.ReconstructionReport():
            show(*_reconstruction_report(report))


def status_row(found: p.Status) -> dict[str, Any]:
    """The daemon as JSON has it."""
    return {name: plain(getattr(found, name)) for name in found.__struct_fields__}


def status(found: p.Status) -> None:
    """The daemon and its machine."""
    counted = ", ".join(f"{count} {state}" for state, count in sorted(found.jobs.items()))
    workers = [f"{w.doing} (pid {w.pid}, {byte_size(w.bytes)})" for w in found.workers]
    show(
        pairs(
            {
                "engine": f"pid {found.pid}, version {found.version}, up {seconds(found.uptime)}",
                "workspace": found.workspace,
                "device": found.device,
                "memory": f"{byte_size(found.memory_used)} of {byte_size(found.memory_total)}",
                "jobs": counted or "none",
                "workers": ", ".join(workers) or "none",
            }
        )
    )


def shift_table(report: p.ClampReport) -> Table:
    """How far each prompt's activations moved, and at which tokens and dimensions most."""
    titles = ("prompt", "mean |Δ|", "max |Δ|", "dimensions", "(token,dim) Δ")
    table = _table(*titles, right=(1, 2))
    for prompt in report.prompts:
        table.add_row(
            _text(prompt.prompt),
            figure(prompt.mean_abs_diff),
            figure(prompt.max_abs_diff),
            " ".join(str(summary.dim) for summary in prompt.dimensions),
            " ".join(f"({s.token},{s.dim}){s.delta:+.3g}" for s in prompt.top_dims),
        )
    return table


def _model_report(report: p.ModelReport) -> list[RenderableType]:
    effect = _table("prompt", "KL", "ΔCE", "null KL (5–95 %)", "p", right=(1, 2, 3, 4))
    texts: list[RenderableType] = []
    for prompt in report.prompts:
        null = prompt.null
        effect.add_row(
            _text(prompt.prompt),
            figure(prompt.kl),
            "–" if prompt.delta_ce is None else f"{prompt.delta_ce:+.3g}",
            f"{figure(null.mean)} [{figure(null.low)}–{figure(null.high)}]" if null else "–",
            figure(null.p) if null else "–",
        )
        texts += ["", _text(prompt.prompt, "bold")]
        texts += [Text("  before ", "dim") + _text(prompt.baseline_text)]
        texts += [Text("  after  ", "dim") + _text(prompt.edited_text)]
        texts += [Text("  next   ", "dim") + _next_tokens(prompt)]
    checks = report.checks
    badges = {
        "no-op": checks.no_op,
        "HF": checks.hf_identical,
        "error kept": checks.error_kept,
        "BOS masked": checks.bos_masked,
    }
    marks = Text("  ").join(
        Text(f"{name} {'✓' if good else '✗'}", style="green" if good else "red")
        for name, good in badges.items()
    )
    return [
        Text(f"{_edits(report)} at {report.site}", style="bold"),
        marks,
        *_warnings(report.warnings),
        "",
        shift_table(report),
        "",
        effect,
        *texts,
        "",
        Command(visible(report.reproduce), style="dim"),
    ]


def _reconstruction_report(report: p.ReconstructionReport) -> list[RenderableType]:
    return [
        Text(f"{_edits(report)}, reconstruction only", style="bold"),
        *_warnings(report.warnings),
        "",
        shift_table(report),
        "",
        Text(report.note, style="dim"),
        "",
        Command(visible(report.reproduce), style="dim"),
    ]


def _edits(report: p.ClampReport) -> str:
    named = []
    for edit, maximum in zip(report.edits, report.maxima, strict=True):
        unit = f"× max ({figure(maximum)})" if edit.unit == "max" else ""
        amount = "" if edit.operation == "ablate" else f" {edit.value:g} {unit}".rstrip()
        named.append(f"{edit.operation} {edit.feature}{amount}")
    return ", ".join(named)


def _next_tokens(prompt: p.EditedPrompt) -> Text:
    parts = [
        Text(f"{visible(token.token)!r} {token.logp_before:.2f}→{token.logp_after:.2f}")
        for token in prompt.next_token[:5]
    ]
    return Text("  ").join(parts)


def _warnings(warnings: list[str]) -> list[RenderableType]:
    return [_text(warning, "yellow") for warning in warnings]


def _feature(feature: p.FeatureDetail) -> RenderableType:
    head = Text.assemble(
        (f"feature {feature.id}", "bold"),
        f"  max {figure(feature.max)}  mean {figure(feature.mean)}",
        f"  density {figure(feature.density)}  {feature.documents:,} documents",
    )
    if feature.starred:
        head.append("  ★", "yellow")
    if feature.label:
        head.append_text(Text("  ") + _text(feature.label, "cyan"))
    for tag in feature.tags:
        head.append_text(Text(" ") + _text(f"#{tag}", "dim"))
    if feature.category:
        assert feature.selectivity is not None
        head.append(f"  {visible(feature.category)} {figure(feature.selectivity)}", "dim")
    lines: list[RenderableType] = [head]
    for name, tokens in (("promotes", feature.promoted), ("suppresses", feature.suppressed)):
        if tokens:
            listed = "  ".join(visible(token) for token in tokens)
            lines.append(Text.assemble((f"  {name:10} ", "dim"), listed, no_wrap=True))
    for snippet in feature.snippets:
        peak = snippet.activations[snippet.peak]
        lines.append(
            Text.assemble((f"  {figure(peak):>8}  ", "dim"), _marked(snippet), no_wrap=True)
        )
    return Group(*lines)


def _marked(snippet: p.Snippet) -> Text:
    text = Text()
    for index, token in enumerate(snippet.tokens):
        text.append(visible(token), "bold reverse" if index == snippet.peak else "")
    return text


def _made(result: p.JobResult) -> RenderableType:
    if isinstance(result, p.EvaluateResult):
        return evaluation(result)
    if isinstance(result, p.SweepResult):
        return comparison(result)
    return pairs(_figures(result))


def _figures(result: p.JobResult) -> dict[str, str]:
    rows: dict[str, str] = {}
    for name, value in plain(result).items():
        match name, value:
            case "kind", _:
                continue
            case _, None:
                continue
            case "metrics", dict():
                rows |= {metric: figure(number) for metric, number in value.items()}
            case "bytes", int():
                rows[name] = byte_size(value)
            case "seconds", float():
                rows[name] = seconds(value)
            case "tokens_per_second", float():
                rows["tokens/s"] = quantity(value)
            case _, list():
                rows[name] = ", ".join(map(str, value))
            case _, int():
                rows[name] = f"{value:,}"
            case _:
                rows[name] = str(value)
    return rows


def _elapsed(job: p.JobInfo) -> float | None:
    if job.started is None:
        return None
    return (job.ended or time.time()) - job.started


def _table(*titles: str, right: tuple[int, ...] = ()) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for index, title in enumerate(titles):
        table.add_column(
            title,
            justify="right" if index in right else "left",
            no_wrap=index in right or title == "prompt",
            overflow="ellipsis",
            max_width=28 if title == "prompt" else None,
        )
    return table


def _text(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style)
