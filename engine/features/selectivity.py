"""How far each feature prefers one category of documents over the others."""

import torch
from torch import Tensor

from engine.features.block import Block, sums_by_feature


class Selectivity:
    """Sums each feature's activation per category: 8 bytes a feature and category.

    Selectivity is the class selectivity index of Morcos et al., "On the importance of single
    directions for generalization" (ICLR 2018): (μ_max - μ_rest) / (μ_max + μ_rest), where μ_max is
    the largest of the feature's mean activations per category, over all tokens of a category,
    silent ones included, and μ_rest is the mean of its means in the other categories. It is 0 for
    a feature that is equally active everywhere and 1 for one that is active in one category only.
    """

    def __init__(self, features: int, category_of: Tensor, categories: int) -> None:
        """`category_of` [documents] int64: the category of each document, from 0; -1 for none."""
        device = category_of.device
        self._category_of = category_of
        self._tokens = torch.zeros(categories, dtype=torch.int64, device=device)
        self._sums = torch.zeros((categories, features), dtype=torch.float64, device=device)

    def add(self, block: Block) -> None:
        """Take in the rows of a block."""
        category_of_row = self._category_of[block.documents]
        category_of_pair = category_of_row[block.rows]
        for category in torch.unique(category_of_row[category_of_row >= 0]).tolist():
            self._tokens[category] += (category_of_row == category).sum()
            here = category_of_pair == category
            self._sums[category] += sums_by_feature(
                block.features[here], block.values[here], self._sums.shape[1]
            )

    def result(self) -> tuple[Tensor, Tensor]:
        """Selectivity [features] float32 and the preferred category [features] int64.

        A feature that never is active has selectivity 0 and category -1.
        """
        means = self._sums / self._tokens.clamp(min=1).unsqueeze(1)
        highest, category = means.max(0)
        rest = (means.sum(0) - highest) / (len(means) - 1)
        total = highest + rest
        silent = total == 0
        selectivity = (highest - rest) / total.masked_fill(silent, 1)
        return selectivity.float(), category.masked_fill(silent, -1)
