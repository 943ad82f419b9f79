"""Jobs in words: their names, how far they are, how long they took, what they made."""

import time

from rich.text import Text

from brainsurg_tui.widgets.bars import progress_bar
from brainsurg_tui.widgets.numbers import byte_size, figure, figure_or_dash, quantity, seconds
from engine.service.protocol import (
    CaptureResult,
    EvaluateResult,
    ExchangedSAE,
    ExportedFeatures,
    Figure,
    FilesResult,
    JobInfo,
    ProbeResult,
    Progressed,
    RowSummary,
    ScanResult,
    SweepResult,
    TrainResult,
)


def fraction(job: JobInfo) -> float | None:
    """How much of the present phase is done; None where nobody knows, as between two phases: that
    one is done doesn't mean that the job is."""
    if job.state == "done":
        return 1.0
    progress = job.progress
    if progress is None or not progress.total or (is_complete(progress) and not job.over):
        return None
    return progress.done / progress.total


def is_complete(progress: Progressed) -> bool:
    """Whether all of a phase is done."""
    return progress.total is not None and progress.done >= progress.total


def bar(job: JobInfo, width: int, accent: str, *, ascii_only: bool = False) -> Text:
    """A bar and its percentage in `width` cells; nothing but the phase where none is known."""
    share = fraction(job)
    if share is None:
        phase = "" if job.progress is None else job.progress.phase
        return Text(phase, "dim")
    drawn = progress_bar(
        share, width - 5, filled=accent if not job.over else "dim", ascii_only=ascii_only
    )
    return Text.assemble(drawn, f" {int(share * 100):3d}%")


def duration(job: JobInfo, now: float | None = None) -> str:
    """How long it has run."""
    if job.started is None:
        return ""
    end = job.ended or (time.time() if now is None else now)
    return seconds(max(0.0, end - job.started))


def remaining(progress: Progressed | None) -> str:
    """`3 min 2 s left`, or nothing."""
    if progress is None or progress.seconds_left is None or is_complete(progress):
        return ""
    return f"{seconds(progress.seconds_left)} left"


_SHOWN = {
    "loss": "loss",
    "fvu": "fvu",
    "explained_variance": "explained",
    "l0": "l0",
    "dead_fraction": "dead",
    "ce_score": "CE score",
    "delta_ce": "ΔCE",
    "kl": "KL",
    "tokens_per_second": "tok/s",
    "grad_norm": "grad",
    "sparsity": "sparsity",
    "aux": "aux",
    "lr": "lr",
    "memory": "memory",
    "cuda_memory": "GPU",
}
"""Metrics in the order in which they are shown, and their short names."""

_MEASURED = ("explained_variance", "l0", "dead_fraction", "ce_score", "delta_ce", "kl")


def metrics(values: dict[str, Figure], names: tuple[str, ...] = tuple(_SHOWN)) -> list[str]:
    """`loss 0.183`, `dead 0.8 %`, `grad not finite` …, for those of `names` that are there."""
    texts = []
    for name in names:
        if name not in values:
            continue
        value = values[name]
        if value is None:
            texts.append(f"{_SHOWN[name]} not finite")
        elif name == "dead_fraction":
            texts.append(f"dead {value:.1%}")
        elif name == "tokens_per_second":
            texts.append(f"{quantity(value)} tok/s")
        elif name in {"memory", "cuda_memory"}:
            texts.append(f"{_SHOWN[name]} {byte_size(value)}")
        else:
            texts.append(f"{_SHOWN[name]} {figure(value)}")
    return texts


_SPLITS = {"held_out": "held out", "trained_on": "on the training vectors", "": "measured"}
"""What figures were measured on, by the name of the split; "": nobody wrote it down."""


def outcome(job: JobInfo) -> list[str]:
    """What a job made, or why it made nothing, in lines."""
    lines = [job.error] if job.error else []
    match job.result:
        case CaptureResult() as made:
            lines.append(
                f"{', '.join(made.sets)}: {made.tokens:,} tokens of width {made.d_model:,} from "
                f"{made.documents:,} texts, {byte_size(made.bytes)}, "
                f"{quantity(made.tokens_per_second)} tok/s"
            )
            lines += [line for rows in made.row_summaries.values() for line in sinks(rows)]
        case TrainResult() as made:
            lines.append(
                f"{made.name}: {made.arch}, {made.d_in:,} → {made.d_sae:,}, {made.steps:,} steps, "
                f"{quantity(made.tokens)} tokens"
            )
            told = metrics(made.metrics, ("loss", "fvu", *_MEASURED))
            lines.append(f"{_SPLITS[made.split]}: {'  '.join(told)}")
            lines += sinks(made.row_summary, keep_sinks=made.keep_sinks)
        case SweepResult() as made:
            lines += sweep(made)
        case ScanResult() as made:
            lines.append(
                f"{made.alive:,} of {made.features:,} features are alive in {made.tokens:,} tokens "
                f"of {made.activations}"
            )
            lines += sinks(made.row_summary, keep_sinks=made.keep_sinks)
        case EvaluateResult() as made:
            known = {name: getattr(made, name) for name in _MEASURED}
            figures = {name: value for name, value in known.items() if value is not None}
            lines.append(
                f"{made.vectors:,} vectors of {made.activations}: "
                + "  ".join(metrics(figures, _MEASURED))
            )
            if told := metrics(dict(made.stated.figures), _MEASURED):
                lines.append(f"stated by its publisher: {'  '.join(told)}")
            lines += sinks(made.row_summary, keep_sinks=made.keep_sinks)
        case ProbeResult() as made:
            lines += probe(made)
        case ExchangedSAE() as made:
            lines.append(f"{made.name}: {made.arch}, {made.d_in:,} → {made.d_sae:,}, {made.format}")
        case FilesResult() as made:
            lines.append(f"{len(made.files)} files: {', '.join(made.files[:4])}")
        case ExportedFeatures() as made:
            lines.append(f"{made.features:,} features in {len(made.files):,} files")
    return lines


def probe(made: ProbeResult) -> list[str]:
    """Balanced accuracy of the best feature, of all features of a probe, of a plain one, and by
    chance."""
    ways = {
        "best feature": made.best_feature,
        **{f"{found.k} features": found for found in made.curve[-1:]},
        "activations": made.raw,
        "commonest label": made.majority,
    }
    told = (
        f"{title} {figure_or_dash(way.held_out.balanced_accuracy.mean)}"
        for title, way in ways.items()
    )
    texts = made.fitted + made.tested
    return [f"{len(made.labels)} labels of {texts:,} texts, balanced accuracy: {'  '.join(told)}"]


def sinks(rows: RowSummary | None, *, keep_sinks: bool = False) -> list[str]:
    """How many activations are sinks or not finite, and what becomes of them; nothing for none."""
    if rows is None:
        return []
    kept = "kept" if keep_sinks else "left out"
    told = [f"{rows.counts.sink:,} sinks {kept}"] if rows.counts.sink else []
    if rows.counts.nonfinite:
        told.append(f"{rows.counts.nonfinite:,} with NaN or infinity left out")
    return [", ".join(told)] if told else []


def sweep(made: SweepResult) -> list[str]:
    """The SAEs of a sweep, the sparsest first, with a sign at what no other beats."""
    names = [run.name.removeprefix(f"{made.name}.") for run in made.runs]
    widest = max(map(len, names))
    lines = []
    for name, run in zip(names, made.runs, strict=True):
        fronts = {"l0": False, "fvu": run.fvu_front, "ce_score": run.ce_score_front}
        cells = [
            f"{'●' if front else ' '} {text:<14}"
            for metric, front in fronts.items()
            for text in metrics(run.metrics, (metric,))
        ]
        lines.append(f"{name:<{widest}} {''.join(cells)}".rstrip())
    return [*lines, "● no other is sparser and better at once"]


def short(*paths: str) -> str:
    """Paths by the last of their names."""
    return ", ".join(path.rstrip("/").rpartition("/")[2] for path in paths)
