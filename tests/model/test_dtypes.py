"""Which type a model computes in: what is chosen, and what must hold in each."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
import transformers as hf

from engine.errors import UserError
from engine.model import fast_dtype
from engine.model.anatomy import examine
from engine.model.caching import cache_is_reliable
from engine.model.dtypes import dtype_to_ask_for, other_dtype_note
from engine.model.fast_dtype import choose_dtype
from engine.model.load import LanguageModel, load_model
from tests.model import zoo

CPU = torch.device("cpu")
LARGE = hf.LlamaConfig(hidden_size=1024, intermediate_size=4096)
SMALL = hf.LlamaConfig(hidden_size=64, intermediate_size=256)


@pytest.fixture
def machine(monkeypatch, tmp_path: Path):
    """A machine of our making: says whether its CPU has bfloat16, and how fast that is there."""
    monkeypatch.setattr(fast_dtype.platformdirs, "user_cache_path", lambda _: tmp_path / "cache")

    def make(speed: float, *, has_bfloat16: bool = True) -> list[tuple[int, ...]]:
        measured: list[tuple[int, ...]] = []

        def measure(*sizes: int) -> float:
            measured.append(sizes)
            return speed

        fast_dtype._measured_speed.cache_clear()
        monkeypatch.setattr(fast_dtype, "_has_bfloat16", lambda: has_bfloat16)
        monkeypatch.setattr(fast_dtype, "_measure", measure)
        return measured

    yield make
    fast_dtype._measured_speed.cache_clear()


@pytest.mark.parametrize(
    ("speed", "has_bfloat16", "config", "expected"),
    [
        (1.9, True, LARGE, (torch.bfloat16, "measured to be 1.9 times as fast here as float32")),
        (
            1.1,
            True,
            LARGE,
            (torch.float32, "as bfloat16 was measured to be 1.1 times as fast"),
        ),
        (1.9, False, LARGE, (torch.float32, "as this CPU has no arithmetic for bfloat16")),
        (1.9, True, SMALL, (torch.float32, "as a model this small is no faster in bfloat16")),
    ],
)
def test_auto_is_what_is_fast_on_this_cpu(machine, speed, has_bfloat16, config, expected) -> None:
    machine(speed, has_bfloat16=has_bfloat16)
    assert choose_dtype("auto", CPU, config) == expected


def test_auto_goes_on_meaning_what_was_measured_first_on_a_machine(machine) -> None:
    assert len(machine(1.9)) == 0
    first = choose_dtype("auto", CPU, LARGE)
    measured = machine(0.7)  # another process, at a busy moment
    assert choose_dtype("auto", CPU, LARGE) == first
    assert measured == []
    choose_dtype("auto", CPU, hf.LlamaConfig(hidden_size=2048, intermediate_size=8192))
    assert len(measured) == 1


def test_auto_works_where_nothing_can_be_kept(machine, tmp_path: Path) -> None:
    machine(1.9)
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert choose_dtype("auto", CPU, LARGE)[0] == torch.bfloat16


def test_a_damaged_file_of_what_was_measured_is_measured_anew(machine, tmp_path: Path) -> None:
    measured = machine(1.9)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "model-dtypes.json").write_bytes(b'{"x": [\xff')
    assert choose_dtype("auto", CPU, LARGE)[0] == torch.bfloat16
    assert len(measured) == 1


def test_a_layer_is_measured_in_both_types() -> None:
    assert 0 < fast_dtype._measure(64, 128, 4) < 100


def test_what_is_asked_for_is_taken_whatever_is_fast(machine) -> None:
    measured = machine(1.9)
    assert choose_dtype("float16", CPU, LARGE) == (torch.float16, "")
    assert measured == []
    with pytest.raises(UserError, match=r"'int8' is no dtype\. Use auto, float32, bfloat16"):
        choose_dtype("int8", CPU, LARGE)


def test_the_type_of_the_activations_is_asked_for_unless_another_is_named() -> None:
    assert dtype_to_ask_for("auto", "bfloat16") == "bfloat16"
    assert dtype_to_ask_for("float32", "bfloat16") == "float32"
    assert dtype_to_ask_for("auto", "") == "auto"
    assert dtype_to_ask_for("auto", "float8") == "auto"  # of a newer version
    assert other_dtype_note("acts", "bfloat16", "bfloat16") == ""
    assert other_dtype_note("acts", "", "float32") == ""
    assert "acts is of the model in bfloat16" in other_dtype_note("acts", "bfloat16", "float32")


def _in_bfloat16(lm: LanguageModel) -> LanguageModel:
    model = copy.deepcopy(lm.model).to(torch.bfloat16)
    return dataclasses.replace(lm, model=model, anatomy=examine(model), dtype=torch.bfloat16)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_in_bfloat16_a_model_has_the_same_parts_and_the_same_reliable_cache(name: str) -> None:
    lm = zoo.zoo_model(name)
    half = _in_bfloat16(lm)
    assert half.anatomy.places == lm.anatomy.places
    assert cache_is_reliable(half) == cache_is_reliable(lm)


def test_parts_are_told_apart_where_they_are_small_beside_the_residual_stream() -> None:
    torch.manual_seed(0)
    # as transformers begins a model: what its parts add is far below a rounding of the stream
    model = hf.AutoModelForCausalLM.from_config(zoo.SUMS["olmo2"]()).eval()
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(100)
    assert examine(model.to(torch.bfloat16)).places == examine(model.float()).places


def test_auto_falls_back_to_float32_where_a_model_cannot_be_run_otherwise(
    tmp_path: Path, tiny_llama_path: Path, monkeypatch
) -> None:
    config = zoo.SUMS["qwen3-moe"]()
    config.moe_intermediate_size = (
        12  # PyTorch multiplies experts in bfloat16 in multiples of 8 alone
    )
    hf.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    for path in tiny_llama_path.glob("tokenizer*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"can't be run in bfloat16 here: .* --model-dtype"):
        load_model(str(tmp_path), device="cpu", dtype="bfloat16")
    monkeypatch.setattr(fast_dtype, "_fast_dtype", lambda *_: (torch.bfloat16, "as measured"))
    lm = load_model(str(tmp_path), device="cpu")
    assert lm.dtype_name == "float32"
    assert lm.dtype_reason == "as it can't be run in bfloat16 here"
