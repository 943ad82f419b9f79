"""One text under many variants of a site: the same as reading it anew for each of them."""

import functools

import pytest
import torch
from torch import Tensor

from engine.errors import UserError
from engine.model.generate import logits
from engine.model.hooks import on_input
from engine.model.locate import all_sites
from engine.model.site import Site, parse_site
from engine.model.variants import logits_of_variants
from tests.model.zoo import ZOO, some_tokens, zoo_model

TOKENS = 7


def pushes(width: int) -> Tensor:
    """[3, TOKENS, width]: nothing, a push at every token, one at the third."""
    drawn = torch.randn(2, TOKENS, width, generator=torch.Generator().manual_seed(2))
    drawn[1, :2] = drawn[1, 3:] = 0
    return torch.cat([torch.zeros(1, TOKENS, width), drawn])


def _pushed(added: Tensor, _: Tensor, y: Tensor, __: Tensor) -> Tensor:
    return y + added


@pytest.mark.parametrize("name", ZOO)
def test_every_variant_says_what_an_edit_of_the_whole_text_says(name) -> None:
    lm = zoo_model(name)
    ids = some_tokens(TOKENS)
    ends = (".1", ".2") if name == "gemma4-e" else (".1",)  # its last layer is given the last token
    for info in (info for info in all_sites(lm) if info.site.endswith(ends)):
        site, added = parse_site(info.site), pushes(info.width)
        make = functools.partial(_pushed, added)
        made = logits_of_variants(lm, ids, site, make, 3)
        for variant, push in zip(made, added, strict=True):
            edited = logits(lm, ids[None], {site: lambda x, _: x + push})[0]  # noqa: B023
            torch.testing.assert_close(variant, edited, rtol=1e-3, atol=1e-3)
        last = logits_of_variants(lm, ids, site, make, 3, last_only=True)
        assert last.shape == (3, 1, lm.vocab_size)
        torch.testing.assert_close(last[:, 0], made[:, -1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["llama", "gemma3", "gpt2", "mixtral", "falcon-new", "mamba"])
@pytest.mark.parametrize("kind", ["resid_post", "mlp_out"])
def test_what_is_below_the_site_reads_one_row(name, kind) -> None:
    lm = zoo_model(name)
    if name == "mamba" and kind == "mlp_out":
        pytest.skip("mamba has no such site")
    ids, site = some_tokens(TOKENS), Site(kind, 1)
    logits_of_variants(lm, ids, site, lambda _, y, __: y.expand(3, -1, -1), 3)  # measures the model
    rows: list[int] = []
    with on_input(lm.layers[0], lambda x: rows.append(len(x))):
        logits_of_variants(lm, ids, site, lambda _, y, __: y.expand(3, -1, -1), 3)
    assert rows == [1]


def test_variants_are_told_positions_and_must_be_as_many_as_was_said() -> None:
    lm = zoo_model("llama")
    told: list[list[list[int]]] = []

    def note(_: Tensor, y: Tensor, positions: Tensor) -> Tensor:
        told.append(positions.tolist())
        return torch.cat([y, y])

    logits_of_variants(lm, some_tokens(4), Site("mlp_out", 1), note, 2)
    logits_of_variants(lm, some_tokens(4), Site("resid_pre", 1), note, 2)
    assert told == [[[0, 1, 2, 3]]] * 2
    with pytest.raises(ValueError, match="3 variants"):
        logits_of_variants(lm, some_tokens(4), Site("resid_pre", 1), note, 3)
    with pytest.raises(UserError, match="last one is"):
        logits_of_variants(lm, some_tokens(4), Site("resid_pre", 9), note, 2)
