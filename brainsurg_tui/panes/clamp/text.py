"""A clamp report in words: badges, cells, texts before and after, next tokens."""

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

from rich.text import Text

from brainsurg_tui.widgets.cells import fit
from brainsurg_tui.widgets.numbers import column_format, figure, signed
from brainsurg_tui.widgets.visible import token_name, visible
from engine.service.protocol import (
    Checks,
    ClampReport,
    CurveMeasure,
    EditedPrompt,
    Effect,
    FeatureEdit,
    ModelReport,
    Null,
    ReconstructedPrompt,
    find_operation,
)

_SMALL = 0.05
_NAMED_EDITS = 3
"""So many edits are in the name of a file."""


def badges(checks: Checks) -> str:
    """`no-op ✓  HF ✓  error kept ✓  BOS ✓  sinks ✓`: the last two where something stands before the
    texts, and where there are attention sinks in them."""
    named = (
        ("no-op", checks.no_op),
        ("HF", checks.hf_identical),
        ("error kept", checks.error_kept),
        ("BOS", checks.bos_masked),
        ("sinks", checks.sinks_masked),
    )
    return "  ".join(f"{name} {'✓' if ok else '✗'}" for name, ok in named if ok is not None)


def row_writer(report: ClampReport) -> Callable[[int], list[str]]:
    """How to write row i of the diff table: prompt and figures, aligned by their largest."""
    mean = column_format(max((p.mean_abs_diff for p in report.prompts), default=0))
    largest = column_format(max((p.max_abs_diff for p in report.prompts), default=0))
    if not isinstance(report, ModelReport):
        return lambda row: [
            report.prompts[row].prompt,
            mean(report.prompts[row].mean_abs_diff),
            largest(report.prompts[row].max_abs_diff),
            top_dims(report.prompts[row]),
        ]
    kl = column_format(max((p.kl for p in report.prompts), default=0))

    def cells(row: int) -> list[str]:
        prompt = report.prompts[row]
        tested = tested_effect(prompt)
        measured = [] if tested is None else [signed(tested.value)]
        found = prompt.null if tested is None else tested.null
        return [
            prompt.prompt,
            mean(prompt.mean_abs_diff),
            largest(prompt.max_abs_diff),
            kl(prompt.kl),
            *measured,
            null(found) if tested is None else band(found),
            "" if found is None else f"{found.p:.3f}",
            top_dims(prompt),
        ]

    return cells


def tested_effect(prompt: EditedPrompt) -> Effect | None:
    """The first measure that was asked for beside KL: null and p are of it; None without any."""
    return prompt.effects[1] if len(prompt.effects) > 1 else None


def pooled_lines(report: ModelReport) -> Text:
    """Each measure over all prompts beside its nulls: a line for each."""
    lines = []
    of = "features" if report.null_features else "directions"
    for effect in report.pooled:
        beside = effect.null
        line = Text.assemble(
            (f"{effect.measure} ", "bold"), f"{signed(effect.value)} {effect.unit}"
        )
        if beside is not None:
            line.append(f"  p {beside.p:.3f}", "bold" if beside.p <= _SMALL else "")
            line.append(f"  {beside.n} {of}: {band(beside)}", "dim")
        lines.append(line)
    return Text("\n").join(lines)


def curve_title(report: ModelReport, measure: CurveMeasure) -> str:
    """What a curve's chart says over itself."""
    curve = report.curve
    assert curve is not None
    onset = "no onset" if measure.onset is None else f"onset {measure.onset:g}"
    breaking = "" if curve.breaking is None else f", text breaks down at {curve.breaking:g}"
    return f"{measure.measure}, {measure.unit}: {onset}{breaking}"


def band(found: Null | None) -> str:
    """`-0.39…+2.52`: the 5 % and 95 % quantiles of what has a sign."""
    return "" if found is None else f"{signed(found.low)}…{signed(found.high)}"


def row(prompt: EditedPrompt | ReconstructedPrompt) -> dict[str, object]:
    """What the report says of one prompt by column name, for other programs: figures, the null
    that they are compared with, and both texts."""
    figures: dict[str, object] = {
        "prompt": prompt.prompt,
        "mean_abs_diff": prompt.mean_abs_diff,
        "max_abs_diff": prompt.max_abs_diff,
    }
    if not isinstance(prompt, EditedPrompt):
        return figures
    null = prompt.null
    return figures | {
        "kl": prompt.kl,
        "delta_ce": prompt.delta_ce,
        "null_mean": None if null is None else null.mean,
        "null_low": None if null is None else null.low,
        "null_high": None if null is None else null.high,
        "null_features": 0 if null is None else null.n,
        "p": None if null is None else null.p,
        **{name: value for effect in prompt.effects[1:] for name, value in _figures(effect)},
        "before": prompt.baseline_text,
        "after": prompt.edited_text,
    }


def _figures(effect: Effect) -> list[tuple[str, object]]:
    """Every figure of a measure, by column name."""
    null, name = effect.null, effect.measure
    return [
        (name, effect.value),
        (f"{name} before", effect.before),
        (f"{name} after", effect.after),
        (f"{name} flipped", effect.flipped),
        (f"{name} where silent", effect.where_silent),
        (f"{name} null mean", None if null is None else null.mean),
        (f"{name} null low", None if null is None else null.low),
        (f"{name} null high", None if null is None else null.high),
        (f"{name} p", None if null is None else null.p),
    ]


def null(found: Null | None) -> str:
    """`0.031 [0.010–0.080]`: mean, and the 5 % and 95 % quantiles."""
    if found is None:
        return ""
    largest = max(found.high, found.mean)
    write = column_format(largest, digits=2 if largest < 1 else 3)
    return f"{write(found.mean)} [{write(found.low)}–{write(found.high)}]"


def top_dims(prompt: EditedPrompt | ReconstructedPrompt) -> str:
    """`(0,1038) (9,1038)`: token and hidden dimension of the largest changes."""
    return " ".join(f"({shift.token},{shift.dim})" for shift in prompt.top_dims)


def shared_length(prompt: EditedPrompt) -> int:
    """How many characters of both continuations come before the first token that differs."""
    before, after = prompt.baseline_text, prompt.edited_text
    if prompt.divergence is None:
        return len(before)
    written = prompt.tokens[prompt.prompt_tokens : prompt.prompt_tokens + prompt.divergence]
    shared = "".join(written)
    if before.startswith(shared) and after.startswith(shared):
        return len(shared)
    pairs = enumerate(zip(before, after, strict=False))
    return next((place for place, (b, a) in pairs if b != a), min(len(before), len(after)))


def before_and_after(
    prompt: EditedPrompt, accent: str, *, beside: bool = False, ascii_only: bool = False
) -> tuple[Text, Text]:
    """Both continuations: what they share is dim, what comes after the first change is not.

    Where they are to stand beside each other, each has its title in a line of its own.
    """
    gap = "\n" if beside else "  "
    shared = shared_length(prompt)
    texts = []
    for title, text, style in (
        ("before", prompt.baseline_text, ""),
        ("after ", prompt.edited_text, accent),
    ):
        drawn = Text.assemble(
            (f"{title}{gap}", "bold"), (visible(text[:shared], ascii_only=ascii_only), "dim")
        )
        if prompt.divergence is not None:
            drawn.append("▸", accent)
            drawn.append(visible(text[shared:], ascii_only=ascii_only), style)
        texts.append(drawn)
    if prompt.divergence is None:
        texts[1] = Text.assemble((f"after {gap}", "bold"), ("the same text, token by token", "dim"))
    return texts[0], texts[1]


def next_tokens(prompt: EditedPrompt, rows: int, *, ascii_only: bool = False) -> Text:
    """The likeliest next tokens with their probabilities before and after, and Δlogp."""
    text = Text(
        f"{'next token':14} {'before':>9} {'after':>9} {'Δlogp':>8}", style="dim", no_wrap=True
    )
    for token in prompt.next_token[:rows]:
        shown = fit(token_name(token.token, ascii_only=ascii_only), 14)
        change = token.logp_after - token.logp_before
        text.append(
            f"\n{shown} {_probability(token.logp_before)} {_probability(token.logp_after)}"
            f" {change:+8.2f}",
            "not dim",
        )
    return text


def _probability(logp: float) -> str:
    return f"{100 * math.exp(logp):8.2f}%"


def full_report(report: ClampReport, row: int, accent: str, *, ascii_only: bool = False) -> Text:
    """All that the report says of one prompt."""
    prompt = report.prompts[row]
    text = Text.assemble((visible(prompt.prompt, ascii_only=ascii_only), "bold"), "\n\n")
    if prompt.left_out:
        text.append_text(_left_out(prompt, ascii_only)).append("\n\n")
    if isinstance(prompt, EditedPrompt):
        for half in before_and_after(prompt, accent, ascii_only=ascii_only):
            text.append_text(half).append("\n\n")
        text.append_text(next_tokens(prompt, len(prompt.next_token), ascii_only=ascii_only))
        text.append("\n\n")
        text.append(f"  KL {figure(prompt.kl)} nats a token, teacher-forced")
        if prompt.null is not None:
            text.append(
                f"; {prompt.null.n} matched features: {null(prompt.null)}, p = {prompt.null.p:.3f}"
            )
        if prompt.delta_ce is not None:
            text.append(f"\n  cross-entropy of the prompt {prompt.delta_ce:+.4f} nats a token")
        text.append(
            f"\n  {prompt.edited_tokens} of {len(prompt.tokens)} tokens edited, "
            f"‖Δ‖ / ‖x‖ {figure(prompt.relative_norm)}\n"
        )
    text.append(
        f"\n  mean|Δ| {figure(prompt.mean_abs_diff)}   max|Δ| {figure(prompt.max_abs_diff)}\n"
    )
    text.append_text(_shifts(prompt, ascii_only))
    if not isinstance(report, ModelReport):
        text.append(f"\n\n{report.note}", "dim")
    for warning in report.warnings:
        text.append(f"\n\n{visible(warning)}", "bold")
    text.append(f"\n\n{visible(report.reproduce)}", "dim")
    return text


LEFT_OUT_REASONS = {
    "start": "before the text",
    "sink": "attention sink",
    "not_given": "not given to this SAE",
}
"""Why a token is never edited, in words."""


def _left_out(prompt: EditedPrompt | ReconstructedPrompt, ascii_only: bool) -> Text:
    """`not edited: 0 <s> (before the text)  7 \\n (attention sink)`"""
    named = (
        f"{one.position} {_token(prompt.tokens, one.position, ascii_only)}"
        f" ({LEFT_OUT_REASONS[one.reason]})"
        for one in prompt.left_out
    )
    return Text("not edited: " + "  ".join(named), "dim")


def _shifts(prompt: EditedPrompt | ReconstructedPrompt, ascii_only: bool) -> Text:
    text = Text("\n  largest changes  token              dimension      Δ", "dim")
    for shift in prompt.top_dims:
        token = _token(prompt.tokens, shift.token, ascii_only)
        text.append(
            f"\n{shift.token:18d}   {fit(token, 16)} {shift.dim:9,d} {shift.delta:+10.4f}",
            "not dim",
        )
    text.append("\n\n  by dimension     mean|Δ|    max|Δ|    mean Δ", "dim")
    for dimension in prompt.dimensions:
        text.append(
            f"\n{dimension.dim:14,d} {dimension.mean_abs_delta:11.4f} "
            f"{dimension.max_abs_delta:9.4f} {dimension.mean_delta:+9.4f}",
            "not dim",
        )
    return text


def _token(tokens: Sequence[str], place: int, ascii_only: bool) -> str:
    return visible(tokens[place], ascii_only=ascii_only) if place < len(tokens) else ""


class Claim(NamedTuple):
    """What the study that this program grew from said of its feature, and how it is here."""

    text: str
    here: str
    nulls: str
    """How it is for other features."""


_BY_CONSTRUCTION = "so for every feature, by construction"


def claims(report: ClampReport) -> list[Claim]:
    """The study's three claims: the same dimensions, the same sign, on prompts without relation."""
    dims = [{each.dim: each.mean_delta for each in prompt.dimensions} for prompt in report.prompts]
    pairs = list(combinations(dims, 2))
    if not pairs:
        return []
    shared = [len(one.keys() & other.keys()) / max(1, len(one)) for one, other in pairs]
    signs = [
        (one[dim] > 0) == (other[dim] > 0) for one, other in pairs for dim in one.keys() & other
    ]
    found = [
        Claim(
            "The same dimensions move most on every prompt.",
            f"{sum(shared) / len(shared):.0%} of the five are shared by two prompts",
            _BY_CONSTRUCTION,
        ),
        Claim(
            "They move to the same side.",
            f"{sum(signs) / len(signs):.0%} of those shared" if signs else "none is shared",
            _BY_CONSTRUCTION,
        ),
    ]
    tests = [tested_effect(each) for each in report.prompts if isinstance(each, EditedPrompt)]
    nulls = [
        (each.null if effect is None else effect.null)
        for each, effect in zip(report.prompts, tests, strict=False)
        if isinstance(each, EditedPrompt)
    ]
    known = [each for each in nulls if each is not None]
    if known and isinstance(report, ModelReport):
        measure = report.pooled[min(1, len(report.pooled) - 1)].measure if report.pooled else "kl"
        small = sum(each.p <= _SMALL for each in known)
        found.append(
            Claim(
                "It is a dominant factor on prompts without relation.",
                f"p ≤ {_SMALL} on {small} of {len(known)} prompts, by {measure}",
                f"{_SMALL:.0%} of prompts, by chance",
            )
        )
    return found


def file_name(sae: str, report: ClampReport) -> str:
    """What a file of a report is called, without its ending: `clamp-r1-7-clamp-5max-model`."""
    edits = "-".join(map(_edit_name, report.edits[:_NAMED_EDITS]))
    more = len(report.edits) - _NAMED_EDITS
    others = f"-and-{more}-more" if more > 0 else ""
    return f"clamp-{sae}-{edits}{others}-{report.view}"


def _edit_name(edit: FeatureEdit) -> str:
    """An edit in the name of a file: `7-clamp-5max`, `7-ablate`."""
    operation = find_operation(edit.operation)
    unit = "max" if edit.unit == "max" and operation.has_unit else ""
    strength = "" if operation.takes == "nothing" else f"-{edit.value:g}{unit}"
    return f"{edit.feature}-{edit.operation}{strength}"
