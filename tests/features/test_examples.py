"""What is shown of a feature's examples is what the dense activations say, wherever that is known.

The activations of all documents are at hand; some documents are in the codes, some aren't.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue, Example
from engine.features.examples.deciles import decile_examples, decile_snippets
from engine.features.examples.hard_negatives import hard_negatives
from engine.features.examples.snippets import Snippet, snippet_at, snippets
from engine.features.text.token_texts import TokenTexts
from tests.features.dense_codes import Dense, catalogue_of, codes_of, random_dense
from tests.features.written_tokens import BOS, token_table

LENGTHS = [9, 30, 1, 0, 25, 40, 12]
STARTS = np.cumsum([0, *LENGTHS])
IN_CODES = [0, 3, 4, 6]
CONTEXT = 16
RADIUS = 2
FEATURES = 12
VOCABULARY = ["<s>", " a", " b", " c"]


@pytest.fixture(scope="module")
def dense() -> Dense:
    return random_dense(sum(LENGTHS), FEATURES, 0.3)


@pytest.fixture(scope="module")
def ids() -> list[list[int]]:
    generator = np.random.default_rng(1)
    return [[BOS, *generator.integers(1, 4, max(0, n - 1)).tolist()][:n] for n in LENGTHS]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory, ids: list[list[int]]) -> TokenTable:
    folder = tmp_path_factory.mktemp("tokens") / "set"
    return token_table(folder, ids, VOCABULARY, context=CONTEXT)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, dense: Dense) -> Catalogue:
    codes = codes_of(dense, LENGTHS, IN_CODES)
    folder = tmp_path_factory.mktemp("catalogue") / "sae"
    return catalogue_of(folder, dense, LENGTHS, radius=RADIUS, codes=codes)


def check(snippet: Snippet, feature: int, radius: int, reach: int, dense: Dense) -> None:
    """`reach`: how far from the peak the activations are known in documents without codes."""
    place = snippet.position
    piece = place - place % CONTEXT
    first = max(piece, place - radius)
    last = min(piece + CONTEXT, place + radius + 1, LENGTHS[snippet.document])
    assert snippet.peak == place - first
    assert len(snippet.tokens) == len(snippet.activations) == last - first
    start = STARTS[snippet.document]
    true = dense[start + first : start + last, feature]
    low, high = max(0, snippet.peak - reach), min(last - first, snippet.peak + reach + 1)
    if snippet.document in IN_CODES or (low, high) == (0, last - first):
        assert snippet.known is None
        low, high = 0, last - first
    else:
        assert snippet.known == (low, high)
    assert snippet.activations == [
        value if low <= i < high else 0 for i, value in enumerate(true.tolist())
    ]


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 20])
def test_top_snippets_reach_as_far_as_is_asked(
    catalogue: Catalogue, tokens: TokenTable, dense: Dense, radius: int
) -> None:
    some = 0
    for feature in range(FEATURES):
        found = snippets(catalogue, tokens, feature, most=4, radius=radius)
        peaks = [snippet.activations[snippet.peak] for snippet in found]
        assert (
            peaks
            == sorted(
                (
                    peak
                    for d in range(len(LENGTHS))
                    if (peak := dense[STARTS[d] : STARTS[d + 1], feature].max(initial=0).item()) > 0
                ),
                reverse=True,
            )[:4]
        )
        for snippet in found:
            check(snippet, feature, radius, RADIUS, dense)
            some += snippet.known is not None
    assert (some > 0) == (radius > RADIUS)


@pytest.mark.parametrize("radius", [0, 3, 20])
def test_the_bands_part_the_sample(
    catalogue: Catalogue, tokens: TokenTable, dense: Dense, radius: int
) -> None:
    for feature in range(FEATURES):
        bands = [
            decile_snippets(catalogue, tokens, feature, number, radius=radius)
            for number in range(10)
        ]
        for snippet in (snippet for each in bands for snippet in each):
            check(snippet, feature, radius, 0, dense)
        values = [s.activations[s.peak] for each in reversed(bands) for s in each]
        assert values == sorted(dense[:, feature][dense[:, feature] > 0][-40:], reverse=True)
        sizes = {len(each) for each in bands}
        assert max(sizes) - min(sizes) <= 1


def test_there_are_ten_bands(catalogue: Catalogue) -> None:
    for number in (-1, 10):
        with pytest.raises(UserError, match=f"no band {number}"):
            decile_examples(catalogue, 0, number)


def test_a_scan_that_goes_on_has_no_codes_yet(
    tmp_path: Path, tokens: TokenTable, dense: Dense
) -> None:
    running = catalogue_of(tmp_path / "sae", dense, LENGTHS, radius=RADIUS)
    for snippet in snippets(running, tokens, 0, radius=20):
        assert snippet.known is not None or len(snippet.tokens) <= 2 * RADIUS + 1
    for snippet in decile_snippets(running, tokens, 0, 5, radius=20):
        assert snippet.known == (snippet.peak, snippet.peak + 1)


@pytest.mark.parametrize("most", [2, 50])
def test_hard_negatives_are_silent_on_the_same_token_after_the_most_alike_text(
    catalogue: Catalogue,
    tokens: TokenTable,
    dense: Dense,
    ids: list[list[int]],
    most: int,
) -> None:
    codes = catalogue.codes
    assert codes is not None
    texts = TokenTexts.from_codes(tokens, codes)

    def alike(one: tuple[int, int], other: tuple[int, int]) -> int:
        """How many of the tokens before two places are the same, within a piece of the context."""
        before = []
        for document, position in (one, other):
            piece = position - position % CONTEXT
            before.append(ids[document][piece:position][::-1])
        same = [a == b for a, b in zip(*before, strict=False)]
        return [*same, False].index(False)

    for feature in range(FEATURES):
        examples = catalogue.examples(feature)
        peaks = [(example.document, example.position) for example in examples]
        expected = []
        for document in IN_CODES:
            candidates = [
                (-max(alike((document, position), p) for p in same), document, position)
                for position, token in enumerate(ids[document])
                if dense[STARTS[document] + position, feature] == 0
                and (same := [p for p in peaks if ids[p[0]][p[1]] == token])
            ]
            expected += sorted(candidates)[:1]
        found = hard_negatives(codes, texts, tokens, feature, examples, most=most)
        assert [(p.document, p.position) for p in found] == [
            (document, position) for _, document, position in sorted(expected)[:most]
        ]
        assert {place.value for place in found} <= {0.0}
    assert hard_negatives(codes, texts, tokens, FEATURES - 1, [], most=5) == []


def test_codes_of_old_scans_hold_whole_documents(tmp_path: Path, dense: Dense) -> None:
    whole = codes_of(dense, LENGTHS, IN_CODES)
    folder = catalogue_of(tmp_path / "sae", dense, LENGTHS, codes=whole).folder
    (folder / "codes" / "firsts.npy").unlink()
    codes = Catalogue.open(folder).codes
    assert codes is not None
    assert len(codes.documents) > 1
    _, positions = codes.places(codes.bounds[:-1])
    assert set(positions.tolist()) == {0}


def test_a_snippet_of_a_piece_of_a_document_knows_what_the_piece_holds(
    tmp_path: Path, dense: Dense
) -> None:
    length = 40
    rows, start = dense[:length], 10
    piece = codes_of(rows[start:30], [20])
    codes = dataclasses.replace(piece, firsts=np.array([start], np.int32))
    table = token_table(tmp_path / "set", [[1] * length], ["<s>", "a"])
    for position, radius, known in ((20, 5, None), (12, 5, (5, 6)), (27, 5, (5, 6))):
        place = Example(0, position, float(rows[position, 0]))
        snippet = snippet_at(codes, table, 0, place, radius=radius)
        assert snippet.known == known
        if known is None:
            expected = rows[position - radius : position + radius + 1, 0]
            assert snippet.activations == expected.tolist()
    texts = TokenTexts.from_codes(table, codes)
    assert texts.rows.tolist() == list(range(start, 30))
