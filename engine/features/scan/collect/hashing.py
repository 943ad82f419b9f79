"""Numbers that look random and are the same whenever they are asked for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.numba_launch import jit


@jit
def mix_bits(x):
    """An integer's bits well mixed: the last step of SplitMix64 (Steele, Lea and Flood, "Fast
    splittable pseudorandom number generators", OOPSLA 2014)."""
    x = np.uint64(x) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@jit
def rank_of(seed, document, position):
    """A token's place in a random order of all tokens: a number of 64 bits."""
    return mix_bits(mix_bits(np.uint64(seed) ^ np.uint64(document)) ^ np.uint64(position))


def stretch_ranks(
    seed: int, documents: NDArray[np.integer[Any]], numbers: NDArray[np.integer[Any]]
) -> NDArray[np.uint64]:
    """The places of stretches in a random order of all of them: [n] for the numbers [n] that each
    has in its document [n]."""
    return np.asarray(_stretch_ranks(np.uint64(seed), documents, numbers))


@jit
def _stretch_ranks(seed, documents, numbers):
    ranks = np.empty(len(documents), np.uint64)
    for i in range(len(documents)):
        ranks[i] = mix_bits(
            mix_bits(mix_bits(seed) ^ np.uint64(documents[i])) ^ np.uint64(numbers[i])
        )
    return ranks
