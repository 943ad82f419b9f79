"""What the field has published: answered from the table that ships, without a network."""

import difflib
import json
import os
from pathlib import Path

from engine.errors import UserError
from engine.sae.published import Table, published_table
from engine.service import protocol as p
from engine.service.handlers.context import Context
from engine.service.handlers.registry import on_loop

_MOST_NAMED = 5
_LARGEST = 1 << 20


@on_loop(p.GetPublished)
def get_published(request: p.GetPublished, _: Context) -> p.Published:
    """The autoencoders of a model, or all models that have any."""
    table = published_table()
    counts = table.models
    wanted = [_model(request.model, table)] if request.model else list(counts)
    return p.Published(
        models=[p.PublishedModel(model=model, saes=counts[model]) for model in wanted],
        saes=table.saes(wanted[0]) if request.model else [],
        sources=table.sources,
    )


def _model(asked: str, table: Table) -> str:
    """The id of the model that is meant. UserError, naming similar ones, where none is known."""
    for name in _names(asked):
        found = table.named(name)
        if len(found) == 1:
            return found[0]
        if found:
            raise UserError(f"{asked} may be {' or '.join(found)}.", "Name it with its owner.")
    short = {id.rpartition("/")[2].lower(): id for id in table.models}
    wanted = Path(asked).name.lower()
    near = [id for name, id in short.items() if wanted in name or name in wanted]
    near = near or [short[name] for name in difflib.get_close_matches(wanted, short, _MOST_NAMED)]
    named = ", ".join(list(dict.fromkeys(near))[:_MOST_NAMED])
    raise UserError(
        f"No published SAE is known for {asked}.",
        f"Some are known for {named}; `brainsurg published` lists the models that have any."
        if named
        else "`brainsurg published` lists the models that have some.",
    )


def _names(asked: str) -> list[str]:
    """What a model may be called: as it is asked for; of a folder, what its configuration says, and
    what the folder is called."""
    if not os.path.isdir(asked):
        return [asked]
    names = []
    config = Path(asked) / "config.json"
    try:
        if config.stat().st_size <= _LARGEST:
            names.append(json.loads(config.read_bytes()).get("_name_or_path"))
    except (OSError, ValueError, AttributeError):
        pass  # a folder that tells nothing is known by its name
    return [name for name in (*names, Path(asked).name) if isinstance(name, str) and name]
