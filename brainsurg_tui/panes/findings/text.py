"""What stands above the features that a search found: the text, and what was looked through."""

from rich.text import Text

from brainsurg_tui.state.search_results import SearchResults, text_name
from brainsurg_tui.widgets.numbers import figure
from brainsurg_tui.widgets.shades import Shades
from brainsurg_tui.widgets.token_strip import token_lines
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import (
    Contrast,
    FindContrast,
    Firing,
    GrepReport,
    ProbeResult,
    ProbeResults,
    ProbeScores,
)


def summary(results: SearchResults, *, ascii_only: bool = False) -> str:
    """A line about the answer as a whole."""
    match results.answer:
        case Firing(target=target, logp=logp, active=active):
            token = visible(target, ascii_only=ascii_only)
            return (
                f"{active:,} features are active · "
                f"next token “{token}”, log-probability {figure(logp)}"
            )
        case Contrast(tokens_a=a, tokens_b=b) as found:
            search = results.request
            assert isinstance(search, FindContrast)
            first, second = (
                visible(text_name(s), ascii_only=ascii_only) for s in (search.a, search.b)
            )
            of_a, of_b = _texts(found.documents_a), _texts(found.documents_b)
            chance = (
                f"\n{found.significant:,} of {found.tested:,} active features have q ≤ 0.05"
                if found.tested
                else ""
            )
            return f"A {first}, {_tokens(a)}{of_a}\nB {second}, {_tokens(b)}{of_b}{chance}"
        case GrepReport() as report:
            part = (
                ""
                if report.documents == report.total_documents
                else f" of {report.total_documents:,}, a random sample"
            )
            return (
                f"{report.matches:,} matches, {_tokens(report.matched_tokens)} of "
                f"{report.tokens:,} in {report.documents:,} documents{part}"
            )
        case ProbeResult() as report:
            return _probe(report)
        case None:
            return ""


def _probe(report: ProbeResult) -> str:
    """Balanced accuracy of every way to tell the labels, with chance beside the features."""

    def accuracy(scores: ProbeScores) -> str:
        mean = scores.balanced_accuracy.mean
        return "–" if mean is None else f"{mean:.2f}"

    def held_out(probe: ProbeResults) -> str:
        return accuracy(probe.held_out)

    best = report.best_feature
    chance = "" if best.null is None else f", {accuracy(best.null)} by chance"
    one = " (of one label)" if len(report.labels) > 2 else ""
    curve = " · ".join(f"{probe.k}: {held_out(probe)}" for probe in report.curve)
    return (
        f"{len(report.labels)} labels of {report.fitted + report.tested:,} texts;"
        f" balanced accuracy: best feature{one} {held_out(best)}{chance}\n"
        f"so many features {curve}\n"
        f"activations {held_out(report.raw)} · their means {held_out(report.mean_difference)}"
        f" · commonest label {held_out(report.majority)}"
    )


def score(answer: GrepReport | None) -> str:
    """How many matches a feature knows, and how often it is wrong."""
    if answer is None or not answer.features:
        return "snippet"
    feature = answer.features[0]
    hits = round(feature.recall * answer.matches)
    elsewhere = round((1 - feature.precision) * feature.active)
    return f"{feature.id}: {hits:,} hits, {answer.matches - hits:,} misses, {elsewhere:,} false"


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count:,} tokens"


def _texts(count: int) -> str:
    return f" of {count:,} texts" if count > 1 else ""


def strip(
    firing: Firing, row: int | None, shades: Shades, *, marks: bool, ascii_only: bool = False
) -> Text:
    """The text that was looked through, shaded where the feature of a row is active."""
    feature = None if row is None else firing.features[row]
    return token_lines(
        firing.tokens,
        [0.0] * len(firing.tokens) if feature is None else feature.activations,
        None if feature is None else feature.peak,
        special=firing.special,
        shades=shades,
        marks=marks,
        ascii_only=ascii_only,
    )
