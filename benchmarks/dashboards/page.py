"""From measured rounds to the page that is published. No torch, no clock, no disk."""

from collections.abc import Sequence

from benchmarks.dashboards.programs import OURS
from benchmarks.dashboards.rounds import Round
from benchmarks.dashboards.sizes import Size
from benchmarks.training.table import Spread, markdown

MAX_TOLERANCE = 2e-3
"""SAEDashboard writes three decimals."""
DENSITY_TOLERANCE = 5e-5
"""It writes a thousandth of a per cent; at a threshold, round-off decides."""


def speed_table(rounds: Sequence[Round], size: Size) -> str:
    """Seconds per thousand features and peak memory of each, and how much faster ours is, by what
    of ours is counted in.

    Ratios are taken within each round, where the machine was in the same mood.
    """
    ours = list(rounds[-1][OURS].whole)
    rows = []
    for name, result in rounds[-1].items():
        with_it = [round_ for round_ in rounds if name in round_]
        peak = max(round_[name].peak_bytes for round_ in with_it)
        for counted in result.whole:
            seconds = Spread.of(
                round_[name].whole[counted] * 1000 / size.width for round_ in with_it
            )
            ratios = [
                Spread.of(
                    round_[name].whole[counted] / round_[OURS].whole[of] for round_ in with_it
                )
                for of in ours
            ]
            rows.append(
                [
                    f"**{name}**, {counted}" if name == OURS else name,
                    f"{result.features:,}",
                    seconds.shown("{:,.2f}"),
                    *("–" if name == OURS else ratio.shown("{:,.0f}") for ratio in ratios),
                    f"{peak / 1e9:.2f} GB",
                ]
            )
    header = ["", "features done", "seconds per 1,000 features"]
    header += [f"ours is faster by, {counted}" for counted in ours]
    return markdown([*header, "peak memory"], rows)


def parts_table(rounds: Sequence[Round]) -> str:
    """Where the time goes."""
    rows = [
        [
            name,
            part,
            Spread.of(round_[name].parts[part] for round_ in rounds if name in round_).shown(
                "{:,.1f}"
            ),
        ]
        for name, result in rounds[-1].items()
        for part in result.parts
    ]
    return markdown(["", "part", "seconds"], rows)


def agreement(round_: Round) -> list[str]:
    """Whether each peer found in the same features what we found, in a sentence each."""
    return [_agrees(round_, name) for name in round_ if name != OURS]


def _agrees(round_: Round, peer: str) -> str:
    ours, its = round_[OURS], round_[peer]
    maxima = _differences(ours.maxima, its.maxima)
    densities = _differences(ours.densities, its.densities)
    if max(maxima) > MAX_TOLERANCE or max(densities) > DENSITY_TOLERANCE:
        raise SystemExit(
            f"{peer} found other features than we did: maxima differ by {max(maxima):.2g}, "
            f"densities by {max(densities):.2g}."
        )
    return (
        f"{peer} and we agree on {len(maxima):,} features: their largest activations differ by "
        f"{max(maxima):.1g} at most, their densities by {max(densities):.1g}."
    )


def _differences(ours: Sequence[float | None], its: Sequence[float | None]) -> list[float]:
    return [
        abs(one - other)
        for one, other in zip(ours, its, strict=False)
        if one is not None and other is not None
    ]
