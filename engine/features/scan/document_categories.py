"""The categories of the documents of an activation set."""

from pathlib import Path

import torch
from torch import Tensor

from engine.activations.store.manifest import read_category_names

MOST_CATEGORIES = 256


def read_categories(folder: Path) -> tuple[list[str], Tensor]:
    """The names of the categories, sorted, and the index of each document's: [documents] int64.

    A document without a category has -1. No name is returned, and -1 for all, when there are fewer
    than two to tell apart, or more than 256: then they are not kinds of text but names of texts.
    """
    found = read_category_names(folder)
    names = sorted({category for category in found if category})
    if not 2 <= len(names) <= MOST_CATEGORIES:
        names = []
    index = {name: i for i, name in enumerate(names)}
    return names, torch.tensor([index.get(name, -1) for name in found], dtype=torch.int64)
