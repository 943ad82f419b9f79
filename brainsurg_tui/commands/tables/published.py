"""What is published for a model."""

import itertools
from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.tables.parts import (
    Command,
    numbers,
    short_column,
    show,
    table,
    visible_text,
)
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.widgets.numbers import span
from engine.service import protocol as p


def show_published(found: p.Published, *, each: bool) -> None:
    """Print the models, the releases of one, or `each` SAE."""
    show(*(_each(found) if each else published_tables(found)))


@tables_of.register
def published_tables(found: p.Published) -> Iterator[RenderableType]:
    """The models that have some; of one model its releases, kind by kind."""
    if not found.saes:
        grid = table("model", *numbers("SAEs"))
        for model in found.models:
            grid.add_row(visible_text(model.model), f"{model.saes:,}")
        yield grid
    else:
        yield from _releases(found)
    yield Text(_sources(found), style="dim")


def _releases(found: p.Published) -> Iterator[RenderableType]:
    grid = table(
        "release, and one ID of it", short_column("reads"), *numbers("layers", "L0", "SAEs")
    )
    kinds = itertools.groupby(found.saes, lambda sae: (sae.release, _kinds(sae)))
    for (release, reads), group in kinds:
        saes = list(group)
        name = Text.assemble(release, "\n", (f"  /{saes[len(saes) // 2].id}", "dim"))
        layers, l0 = span(sae.layer for sae in saes), span(sae.l0 for sae in saes)
        grid.add_row(name, reads, layers, l0, f"{len(saes):,}")
    yield grid
    model = found.models[0].model
    yield Command(f"brainsurg published {model} --release RELEASE   # each of a release")
    yield Command("brainsurg import-sae NAME RELEASE/ID   # fetch one")


def _each(found: p.Published) -> Iterator[RenderableType]:
    grid = table("RELEASE/ID", short_column("reads"), short_column("predicts"), *numbers("L0"))
    for sae in found.saes:
        l0 = "" if sae.l0 is None else f"{sae.l0:g}"
        grid.add_row(visible_text(sae.name), sae.site, sae.target_site, l0)
    yield grid
    yield Command("brainsurg import-sae NAME RELEASE/ID   # fetch one")


def _kinds(sae: p.PublishedSAE) -> str:
    """Where it reads, without the layer; for a transcoder where it writes, too."""
    reads = sae.site.partition(".")[0]
    return f"{reads} → {sae.target_site.partition('.')[0]}" if sae.target_site else reads


def _sources(found: p.Published) -> str:
    """Whose lists these are, and of when."""
    used = {sae.source for sae in found.saes} or set(range(len(found.sources)))
    named = [f"{found.sources[n].name} ({found.sources[n].date})" for n in sorted(used)]
    return f"As listed by {', '.join(named)}."
