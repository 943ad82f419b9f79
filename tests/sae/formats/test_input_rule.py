"""What other libraries' files say an SAE is to be given, as it is acted on."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sae.formats.input_fields import note_on_input
from engine.sae.formats.input_rule import WHOLE, InputRule, contradictions, input_rule
from engine.sae.formats.metadata import SAEMetadata


def of_lens(context: int | None = 128, **fields: Any) -> SAEMetadata:
    return SAEMetadata(context=context, library_fields={"sae_lens": fields})


def test_sae_lens_says_all_of_it() -> None:
    rule = input_rule(
        of_lens(prepend_bos=True, seqpos_slice=[1, -1, 2], exclude_special_tokens=[0, 2])
    )
    assert rule == InputRule(prepend_bos=True, start=1, stop=127, step=2, excluded=(0, 2))
    assert str(rule).startswith("text with BOS before it, tokens at positions from 1 to 126")
    assert input_rule(of_lens(exclude_special_tokens=True)).exclude_special
    assert not input_rule(of_lens(exclude_special_tokens=False)).selects


def test_the_others_say_some_of_it() -> None:
    learning = SAEMetadata(library_fields={"dictionary_learning": {"add_special_tokens": False}})
    assert input_rule(learning) == InputRule(prepend_bos=False)
    sparsify = SAEMetadata(library_fields={"sparsify": {"exclude_tokens": [0, 5]}})
    assert input_rule(sparsify) == InputRule(excluded=(0, 5))
    assert input_rule(SAEMetadata()) == WHOLE


@pytest.mark.parametrize(
    "fields",
    [
        {"prepend_bos": "yes"},
        {"seqpos_slice": "1:"},
        {"seqpos_slice": [1, 2, 3, 4]},
        {"seqpos_slice": [1, None, -1]},
        {"seqpos_slice": [1, None, 0]},
        {"seqpos_slice": [True]},
        {"exclude_special_tokens": ["<s>", -1, 1 << 40]},
    ],
)
def test_what_can_not_be_understood_asks_for_nothing_and_is_still_named(fields: Any) -> None:
    about = of_lens(**fields)
    assert input_rule(about) == WHOLE
    assert "nothing here sees to" in note_on_input(about)


def test_places_from_the_end_need_a_context() -> None:
    assert input_rule(of_lens(context=None, seqpos_slice=[0, -1])) == WHOLE


part = st.none() | st.integers(-20, 20)


@given(part, part, st.none() | st.integers(1, 5), st.integers(1, 20), st.sets(st.integers(0, 9)))
def test_it_applies_to_what_a_slice_takes(start, stop, step, context, excluded) -> None:
    rule = input_rule(
        of_lens(
            context=context,
            seqpos_slice=[start, stop, step],
            exclude_special_tokens=sorted(excluded),
        )
    )
    ids = np.arange(context) % 10
    positions = np.arange(context)
    taken = np.zeros(context, bool)
    taken[start:stop:step] = True
    taken &= ~np.isin(ids, list(excluded))
    assert rule.applies(ids, positions).tolist() == taken.tolist()


def test_special_tokens_are_left_out_as_far_as_they_are_known() -> None:
    rule = InputRule(exclude_special=True)
    ids = np.array([1, 7, 2, 8])
    assert rule.applies(ids, np.arange(4), [1, 2]).tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("wants", "has", "known", "said"),
    [
        (None, True, True, ""),
        (True, True, True, ""),
        (False, False, True, ""),
        (True, False, True, "trained on text with BOS before it, and acts holds text without it"),
        (False, True, True, "trained on text without BOS before it, and acts holds text with it"),
        (True, False, False, "and acts knows of no such token"),
    ],
)
def test_a_store_that_contradicts_it_is_named(wants, has, known, said: str) -> None:
    rule = InputRule(prepend_bos=wants)
    notes = contradictions("tl", rule, "acts", begins_with_bos=has, has_bos=known)
    assert [said in note for note in notes] == [True] * bool(said)


def test_what_can_not_be_understood_is_not_followed_beside_what_can() -> None:
    note = note_on_input(of_lens(prepend_bos=True, seqpos_slice="1:"))
    followed, others = note.split("Its files say more")
    assert "prepend_bos true" in followed
    assert "seqpos_slice" not in followed
    assert 'seqpos_slice "1:"' in others


def test_what_is_followed_is_told_from_what_is_not() -> None:
    note = note_on_input(of_lens(prepend_bos=False, hook_head_index=3))
    followed, others = note.split("Its files say more")
    assert "It is given text without BOS before it" in followed
    assert "prepend_bos false" in followed
    assert "hook_head_index 3" in others
    assert "prepend_bos" not in others
