"""SAEs in words: how good they are, and how often their features are active."""

from collections.abc import Iterable

from brainsurg_tui.panes.jobs import text as job_texts
from brainsurg_tui.widgets.bars import sparkline
from brainsurg_tui.widgets.numbers import figure
from engine.service.protocol import DensityHistogram, EvaluateResult, JobInfo, SAEInfo


def figures(known: SAEInfo) -> str:
    """What was measured of an SAE, in a line."""
    names = ("explained_variance", "fvu", "l0", "dead_fraction", "ce_score")
    told = job_texts.metrics(known.metrics, names)
    return "   ".join([*told, *_sinks(known)]) if told else "not measured yet"


def _sinks(known: SAEInfo) -> list[str]:
    """Whether sinks are in the figures, and what became of them in its training, if it had some."""
    told = ["with sinks"] if known.measured_with_sinks else []
    if known.row_summary is not None and known.row_summary.counts.sink:
        learned = "learned from" if known.keep_sinks else "left out"
        told.append(f"{known.row_summary.counts.sink:,} sinks {learned}")
    return told


def density(histogram: DensityHistogram, *, ascii_only: bool = False) -> str:
    """How many features are how often active, rare ones to the left, in a line."""
    filled = [place for place, count in enumerate(histogram.counts) if count]
    dead = f"{histogram.dead:,} never"
    if not filled:
        return f"features by density   {dead}"
    first, last = filled[0], filled[-1]
    counts = histogram.counts[first : last + 1]
    bars = sparkline(counts, len(counts), ascii_only=ascii_only)
    rarest, densest = (figure(10 ** histogram.edges[edge]) for edge in (first, last + 1))
    return f"features by density   {rarest} {bars} {densest}   {dead}"


def newest_histogram(known: SAEInfo, jobs: Iterable[JobInfo]) -> DensityHistogram | None:
    """The last that was made of this very SAE, and not of another that had its name."""
    made = [
        job.result.histogram
        for job in jobs
        if isinstance(job.result, EvaluateResult)
        and job.result.sae == known.name
        and job.result.mse == known.metrics.get("mse")
    ]
    return next((histogram for histogram in reversed(made) if histogram is not None), None)
