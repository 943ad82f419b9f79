from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from brainsurg_tui.widgets.cells import clip, fit
from brainsurg_tui.widgets.visible import visible

texts = st.text(st.one_of(st.characters(), st.sampled_from("日本語e\u0301"))).map(visible)
widths = st.integers(0, 30)


@given(texts, widths, st.sampled_from(["left", "right"]), st.sampled_from("…~"))
def test_fitted_text_has_exactly_the_width(text, width, align, ellipsis):
    assert cell_len(fit(text, width, align, ellipsis=ellipsis)) == width


@given(texts, widths)
def test_text_that_fits_is_not_touched_and_other_text_says_so(text, width):
    clipped = clip(text, width)

    if cell_len(text) <= width:
        assert clipped == text
    else:
        assert cell_len(clipped) <= width
        assert clipped.endswith("…") or width == 0


def test_numbers_are_padded_on_the_left():
    assert fit("8.31", 7, "right") == "   8.31"
    assert fit("8.31", 7) == "8.31   "


def test_a_wide_character_is_never_cut_in_half():
    assert clip("日本語", 4) == "日 …"
    assert clip("日本語", 5) == "日本…"
