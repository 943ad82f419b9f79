"""The text behind a set: the windows that the model saw, and whether a model is the one it saw."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.stored_windows import check_is_of, stored_windows
from engine.activations.windows import cut_documents
from engine.errors import UserError
from engine.model.load import LanguageModel, load_model
from engine.model.site import parse_site

SITE = parse_site("resid_post.1")
TEXTS = ["A cat.", "The dog ran to the park and came back.", "z", "end of it all, for today"]


@pytest.fixture(scope="module")
def lm(tiny_llama_path: Path) -> LanguageModel:
    return load_model(str(tiny_llama_path), device="cpu")


@pytest.fixture(params=[None, 9])
def acts(lm: LanguageModel, tmp_path: Path, request: pytest.FixtureRequest) -> ActivationSet:
    folder = tmp_path / "acts"
    capture_documents(lm, TEXTS, [SITE], [folder], origin="texts", context=request.param)
    return ActivationSet.open(folder)


def test_windows_are_those_of_the_capture(lm: LanguageModel, acts: ActivationSet) -> None:
    order = [3, 0, 1]
    context = acts.manifest.context
    assert context is not None
    expected = list(cut_documents(lm, [TEXTS[i] for i in order], context, None))
    windows = list(stored_windows(acts, order))
    assert [w.token_ids.tolist() for w in windows] == [w.token_ids.tolist() for w in expected]
    assert [w.begins for w in windows] == [w.begins for w in expected]


def test_the_model_of_a_set_is_known_by_what_it_gives(
    lm: LanguageModel, acts: ActivationSet, tiny_llama_path: Path
) -> None:
    check_is_of(acts, lm, SITE, 1)
    check_is_of(acts, load_model(str(tiny_llama_path), device="cpu", dtype="bfloat16"), SITE, 1)
    for other in (parse_site("resid_post.2"), parse_site("mlp_out.1")):
        with pytest.raises(UserError, match="does not give the activations that acts holds"):
            check_is_of(acts, lm, other, 1)


@pytest.mark.parametrize(
    "changes",
    [{}, {"hidden_size": 16}, {"vocab_size": 40}, {"max_position_embeddings": 4}],
)
def test_another_model_is_refused(
    changes: dict[str, int],
    lm: LanguageModel,
    acts: ActivationSet,
    tiny_llama_path: Path,
    tmp_path: Path,
) -> None:
    config = lm.model.config.__class__(**lm.model.config.to_dict() | changes)
    torch.manual_seed(7)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "other")
    lm.tokenizer.save_pretrained(tmp_path / "other")
    other = load_model(str(tmp_path / "other"), device="cpu")
    with pytest.raises(UserError, match="does not give"):
        check_is_of(acts, other, SITE, 1)


def test_a_model_that_gives_no_numbers_is_refused(
    acts: ActivationSet, tiny_llama_path: Path
) -> None:
    broken = load_model(str(tiny_llama_path), device="cpu")
    broken.layers[0].mlp.down_proj.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="does not give"):
        check_is_of(acts, broken, SITE, 1)
