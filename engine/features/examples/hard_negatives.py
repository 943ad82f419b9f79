"""Hard negatives: where a feature is silent although it might not be (no torch here)."""

import numpy as np

from engine.activations.store.tokens import TokenTable
from engine.features.catalogue.catalogue import Example
from engine.features.catalogue.codes import Codes
from engine.features.examples.snippets import window_around
from engine.features.text.token_texts import Ints, TokenTexts


def hard_negatives(
    codes: Codes,
    texts: TokenTexts,
    tokens: TokenTable,
    feature: int,
    examples: list[Example],
    *,
    most: int,
) -> list[Example]:
    """Tokens like those at the peaks of its `examples` on which the feature is not active.

    One a stretch of the codes, whose texts `texts` are. Those come first that share the longest
    stretch of tokens before them with an example of the same token, as far as the model saw these:
    so much of what it read was the same, and yet the feature is silent. Of equal ones, the earlier.
    """
    inactive = np.ones(codes.tokens, np.bool_)
    inactive[codes.active(feature)[0]] = False
    seen = _tokens_seen_before(codes, tokens.manifest.context)
    alike = np.full(codes.tokens, -1)
    for example in examples:
        *before, token = window_around(example, tokens, before=example.position, after=0).ids
        rows = np.flatnonzero(inactive & (texts.ids == token))
        alike[rows] = np.maximum(alike[rows], 0)
        for distance, earlier in enumerate(reversed(before), start=1):
            rows = rows[seen[rows] >= distance]
            rows = rows[texts.ids[rows - distance] == earlier]
            if not len(rows):
                break
            alike[rows] = np.maximum(alike[rows], distance)
    rows = np.flatnonzero(alike >= 0)
    rows = rows[np.argsort(-alike[rows], kind="stable")]
    documents, positions = codes.places(rows)
    chosen = np.sort(np.unique(codes.stretches(rows), return_index=True)[1])[:most]
    return [Example(int(documents[i]), int(positions[i]), 0.0) for i in chosen]


def _tokens_seen_before(codes: Codes, context: int | None) -> Ints:
    """[rows]: how many tokens before each are in its stretch, and were seen with it by the model,
    which saw pieces of `context` tokens."""
    lengths = np.diff(codes.bounds)
    before = np.arange(codes.tokens) - np.repeat(codes.bounds[:-1], lengths)
    if context is None:
        return before
    return np.minimum(before, (before + np.repeat(codes.firsts, lengths)) % context)
