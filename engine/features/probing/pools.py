"""How features are pooled over the tokens of a text (no torch here)."""

from typing import Literal, get_args

PoolName = Literal["mean", "max", "last"]
"""`mean` over the tokens, as SAEBench does (arXiv:2503.09532); the largest (`max`), which asks
whether a feature is active anywhere; or on the `last` token alone (arXiv:2502.16681)."""

POOLS: tuple[PoolName, ...] = get_args(PoolName)
