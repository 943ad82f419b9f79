"""Features one after another, with their snippets."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from brainsurg_tui.commands.tables.snippets import snippet_table
from brainsurg_tui.widgets.numbers import figure
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p


def feature_list(found: p.FeatureList, by: str) -> Iterator[RenderableType]:
    """Features in the order of `by`."""
    if not found.features:
        yield f"No feature of {found.total:,} matches."
        return
    shown = f"{len(found.features)} of {found.matching:,} features that match, by {by}"
    yield Text(f"{shown}; {found.total:,} in all", style="dim")
    if found.scanned < 1:
        yield Text(f"The scan goes on: {found.scanned:.0%} of the text so far.", style="yellow")
    for feature in found.features:
        yield ""
        yield heading(feature)
        yield Text(
            f"  max {figure(feature.max)}  mean {figure(feature.mean)}"
            f"  density {figure(feature.density)}  {feature.documents:,} documents"
        )
        for effect in logit_effects(feature):
            effect.no_wrap, effect.overflow = True, "ellipsis"
            yield Padding.indent(effect, 2)
        yield Padding.indent(snippet_table(feature.snippets, whole=False), 2)


def heading(feature: p.FeatureDetail) -> Text:
    """A feature's number, and what is known of it in a few words."""
    head = Text(f"feature {feature.id}", "bold")
    if feature.starred:
        head.append("  ★", "not bold yellow")
    words = [(feature.label, "cyan"), *((f"#{tag}", "dim") for tag in feature.tags)]
    if feature.category and feature.selectivity is not None:
        words.append((f"{feature.category} {figure(feature.selectivity)}", "dim"))
    for text, style in words:
        if text:
            head.append(f"  {visible(text)}", f"not bold {style}")
    return head


def logit_effects(feature: p.FeatureDetail) -> Iterator[Text]:
    """The tokens that it promotes, and those that it suppresses."""
    for name, tokens in (("promotes", feature.promoted), ("suppresses", feature.suppressed)):
        if tokens:
            listed = "  ".join(visible(token) for token in tokens)
            yield Text.assemble((f"{name:10}  ", "dim"), listed)
