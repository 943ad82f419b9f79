"""Pooling over documents whose tokens come in any order and in parts, against dense arrays."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.features.search.document_features import DocumentRows
from engine.features.search.pooled_features import Pool, PooledFeatures

D_SAE = 7


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    pool=st.sampled_from(["sum", "max", "last"]),
    parts=st.integers(1, 4),
)
def test_it_is_what_dense_arrays_say(seed: int, pool: Pool, parts: int) -> None:
    random = np.random.default_rng(seed)
    tokens = 30
    documents = random.choice([0, 1, 3, 4], tokens)  # 2 has none
    order = random.permutation(tokens)
    acts = random.random((tokens, D_SAE)) * (random.random((tokens, D_SAE)) < 0.3)
    pooled = PooledFeatures(D_SAE, pool)
    for part in np.array_split(np.arange(tokens), parts):
        rows, features = acts[part].nonzero()
        pooled.add(
            DocumentRows(
                documents=torch.from_numpy(documents[part]),
                order=torch.from_numpy(order[part]),
                x=torch.zeros(len(part), 2),
                rows=torch.from_numpy(rows),
                features=torch.from_numpy(features),
                acts=torch.from_numpy(acts[part][rows, features]),
            )
        )
    found = pooled.matrix().toarray()
    assert len(pooled.tokens) == len(found) == documents.max() + 1
    for document in range(len(found)):
        mine = documents == document
        assert pooled.tokens[document] == mine.sum()
        if not mine.any():
            expected = np.zeros(D_SAE)
        elif pool == "last":
            expected = acts[mine][order[mine].argmax()]
        else:
            expected = acts[mine].sum(0) if pool == "sum" else acts[mine].max(0)
        assert np.allclose(found[document], expected)


def test_without_tokens_there_are_no_documents() -> None:
    pooled = PooledFeatures(D_SAE, "max")
    assert pooled.matrix().shape == (0, D_SAE)
    assert len(pooled.tokens) == 0
