"""The score on a terminal."""

from rich.console import Console
from rich.table import Table

from benchmarks.embedded_model.score.report import Score
from engine.demo.corpus.concepts import CATEGORIES


def show(score: Score) -> None:
    """Print the tables to stdout."""
    console = Console(highlight=False)
    console.print(
        f"{score.architecture}, {score.d_sae:,} features, k {score.k}, {score.trained_tokens:,} "
        f"vectors, at {score.site} of {score.model}; {score.documents:,} held-out documents, "
        f"{score.tokens:,} tokens"
    )
    console.print(_concepts(score))
    for f1 in (0.9, 0.8):
        console.print(f"recovered at F1 ≥ {f1}: {score.share_recovered(f1):.1%} of concepts")
    best = sum(c.auroc >= 0.98 for c in score.categories())
    bound = sum(c.probe_auroc >= 0.98 for c in score.categories())
    console.print(
        f"categories at AUROC ≥ 0.98: {best} of {len(CATEGORIES)} by one feature, "
        f"{bound} by a linear probe"
    )
    if score.unseen:
        console.print(f"not in these documents: {', '.join(score.unseen)}")
    if score.effects:
        console.print(_effects(score))
    seconds = ", ".join(f"{name} {spent:.0f} s" for name, spent in score.seconds.items())
    console.print(seconds, style="dim")


def _concepts(score: Score) -> Table:
    table = Table(box=None, title="What one feature tells")
    table.add_column("concept")
    for title in ("tokens", "feature", "F1", "feature", "AUROC", "probe"):
        table.add_column(title, justify="right")
    for c in sorted(score.concepts, key=lambda c: (c.concept not in CATEGORIES, -c.f1)):
        table.add_row(
            c.concept,
            f"{c.tokens:,}",
            str(c.f1_feature),
            f"{c.f1:.3f}",
            str(c.auroc_feature),
            f"{c.auroc:.3f}",
            f"{c.probe_auroc:.3f}",
        )
    return table


def _effects(score: Score) -> Table:
    table = Table(box=None, title=f"What clamping one feature writes after {score.prompts} prompts")
    table.add_column("category")
    for title in ("feature", "× max", "turned", "random", "unedited"):
        table.add_column(title, justify="right")
    for e in score.effects:
        by_chance = "–" if e.random_turned is None else f"{e.random_turned:.0%}"
        table.add_row(
            e.category,
            str(e.feature),
            f"{e.times_max:g}",
            f"{e.turned:.0%}",
            by_chance,
            f"{e.unedited:.0%}",
        )
    return table
