"""From measured rounds to the tables that are published. No torch, no clock, no disk."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Self

from benchmarks.training.messages import Result
from benchmarks.training.sizes import Size
from benchmarks.training.trainers import OURS

DISTURBED = 0.85
"""Of the best rate of the reference product: below it, the machine had other work to do."""

Round = dict[str, Result]
"""One result for each trainer, taken one after the other."""


class Spread(NamedTuple):
    """Of the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Of at least one value."""
        known = list(values)
        return cls(statistics.median(known), min(known), max(known))

    def shown(self, form: str) -> str:
        """As "median [low..high]", each formatted by `form`."""
        if self.low == self.high:
            return form.format(self.median)
        return f"{form.format(self.median)} [{form.format(self.low)}..{form.format(self.high)}]"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def speed_table(rounds: Sequence[Round], rates: Sequence[dict[str, float]], size: Size) -> str:
    """Who trains how fast, the fastest first; `rates` are those of matrix products, by dtype.

    Ratios and fractions are taken within each round, where the machine was in the same mood.
    """
    spread = {name: _over(rounds, lambda r, n=name: r[n].tokens_per_second) for name in rounds[0]}
    rows = []
    for name in sorted(spread, key=lambda name: -spread[name].median):
        ratio = _over(rounds, lambda r, n=name: r[OURS].tokens_per_second / r[n].tokens_per_second)
        fractions = [
            Spread.of(
                round_[name].tokens_per_second * size.step_operations / size.batch / rate[dtype]
                for round_, rate in zip(rounds, rates, strict=True)
            )
            for dtype in ("bf16", "fp32")
        ]
        rows.append(
            [
                _named(name),
                spread[name].shown("{:,.0f}"),
                "–" if name == OURS else ratio.shown("{:.2f}"),
                _gigabytes(max(round_[name].peak_bytes for round_ in rounds)),
                _gigabytes(max(round_[name].training_bytes for round_ in rounds)),
                *(f"{fraction.median:.1%}" for fraction in fractions),
            ]
        )
    header = ["", "tokens/s", "ours is faster by", "peak memory", "of it for training"]
    return markdown([*header, "of the bf16 limit", "of the fp32 limit"], rows)


def quality_table(rounds: Sequence[Round], enough: float) -> str:
    """How good each is at the end of its run, and when it had recovered `enough` directions."""
    rows = []
    for name in rounds[0]:
        scores = rounds[0][name].scores
        reached = [reached_at(round_[name], enough) for round_ in rounds]
        times = [(step, seconds) for step, seconds in filter(None, reached)]
        last = scores[-1]
        rows.append(
            [
                _named(name),
                f"{last.score.fvu:.4f}",
                f"{last.score.recovered:.1%}",
                _over(rounds, lambda r, n=name: r[n].scores[-1].seconds).shown("{:.0f}"),
                Spread.of(seconds for _, seconds in times).shown("{:.1f}") if times else "–",
                str(times[0][0]) if times else "not reached",
                f"{last.score.l0:.1f}",
            ]
        )
    steps = rounds[0][OURS].scores[-1].step
    header = ["", f"FVU after {steps:,} steps", "recovered", "seconds for them"]
    header += [f"seconds to {enough:.0%} recovered", "at step", "L0"]
    return markdown(header, rows)


def course_table(round_: Round, steps: Sequence[int], figure: str) -> str:
    """A figure of `Score`, "fvu" or "recovered", at fixed steps of one round."""
    form = "{:.1%}" if figure == "recovered" else "{:.4f}"
    rows = []
    for name, result in round_.items():
        at = {scored.step: getattr(scored.score, figure) for scored in result.scores}
        rows.append(
            [_named(name), *(form.format(at[step]) if step in at else "" for step in steps)]
        )
    return markdown([f"{figure} at step", *(f"{step:,}" for step in steps)], rows)


def reached_at(result: Result, enough: float) -> tuple[int, float] | None:
    """Step and seconds of the first score with at least this share of directions recovered."""
    for scored in result.scores:
        if scored.score.recovered >= enough:
            return scored.step, scored.seconds
    return None


def clock_note(*, processor: bool) -> str:
    """What a second is."""
    if not processor:
        return "Seconds of the wall."
    return "Seconds of the processor: the machine had other work to do."


def disturbed(rounds: Sequence[Round]) -> str:
    """How quiet the machine was, by the reference product beside each run."""
    rates = [result.reference_gflops for round_ in rounds for result in round_.values()]
    best = max(rate for pair in rates for rate in pair)
    slow = sum(min(pair) < DISTURBED * best for pair in rates)
    return (
        f"Reference product (fp32) beside the runs: {best:,.0f} GFLOP/s at best; "
        f"{slow} of {len(rates)} runs had less than {DISTURBED:.0%} of that before or after."
    )


def _over(rounds: Sequence[Round], value: Callable[[Round], float]) -> Spread:
    return Spread.of(value(round_) for round_ in rounds)


def _named(name: str) -> str:
    return f"**{name}**" if name == OURS else name


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
