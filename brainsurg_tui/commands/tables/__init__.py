"""How the command line shows what the engine answered: rich tables and lines of text.

Texts of users and models go in as `Text` made of visible characters, never as markup. What a result
looks like is registered beside the others in this folder with `tables_of.register`; a result for
which nothing is registered is shown as its fields, one a line.
"""

import importlib
import pkgutil
from typing import Any

from brainsurg_tui.commands.tables.parts import show
from brainsurg_tui.commands.tables.registry import tables_of


def show_result(result: Any) -> None:
    """Print a result to stdout as people read it."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    show(*tables_of(result))
