"""Token ids for sets that were captured elsewhere, and the vocabulary that makes them readable.

Torch-free.
"""

from collections.abc import Sequence

from engine.activations.seed.metadata import Entry


class ImportedTokens:
    """The ids that an imported set stores: the model's where all are known, else its own."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.are_the_models = all(entry.token_ids is not None for entry in entries)
        self.vocabulary = _known_texts(entries) if self.are_the_models else []
        """The text of every id; grows with `ids` when the ids are the set's own."""
        self._own: dict[str, int] = {}

    def ids(self, entry: Entry, rows: int) -> list[int]:
        """The ids of a document of `rows` tokens.

        Where the model's aren't known, an id is the place of the token's string in `vocabulary`;
        where that isn't known either, the token's position stands for it: `[0]`, `[1]`, …
        """
        if self.are_the_models:
            return list(entry.token_ids or ())
        if entry.tokens is not None:
            texts = entry.tokens
        elif entry.token_ids is not None:
            texts = [_spell(token_id) for token_id in entry.token_ids]
        else:
            texts = [f"[{position}]" for position in range(rows)]
        for text in texts:
            if text not in self._own:
                self._own[text] = len(self.vocabulary)
                self.vocabulary.append(text)
        return [self._own[text] for text in texts]


def _known_texts(entries: Sequence[Entry]) -> list[str]:
    texts: dict[int, str] = {}
    for entry in entries:
        texts |= dict(zip(entry.token_ids or (), entry.tokens or (), strict=False))
    return [texts.get(i, _spell(i)) for i in range(max(texts, default=-1) + 1)]


def _spell(token_id: int) -> str:
    return f"<{token_id}>"
