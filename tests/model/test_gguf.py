"""Models in GGUF files: the same numbers, the same texts, and a sentence for each that can't be."""

import shutil
from pathlib import Path

import pytest
import torch
import transformers as hf

from engine.errors import UserError
from engine.model import gguf as gguf_room
from engine.model.chat import chat_text
from engine.model.generate import logits
from engine.model.load import load_model
from engine.model.source import model_address
from engine.model.text import decode, encode
from tests.model.gguf_files import write_gguf

pytest.importorskip("gguf")


@pytest.fixture(scope="module")
def folder(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model in a GGUF file and nothing else."""
    folder = tmp_path_factory.mktemp("gguf")
    write_gguf(tiny_llama_path, folder / "tiny.gguf")
    return folder


def test_a_file_gives_the_numbers_of_the_model_that_it_was_made_of(
    folder: Path, tiny_llama_path: Path, capfd
) -> None:
    capfd.readouterr()
    lm = load_model(str(folder / "tiny.gguf"), device="cpu")
    assert capfd.readouterr() == ("", "")
    plain = hf.AutoModelForCausalLM.from_pretrained(tiny_llama_path, dtype=torch.float32).eval()
    ids = encode(lm, "A dog ran.")
    with torch.no_grad():
        expected = plain(ids[None]).logits
    torch.testing.assert_close(logits(lm, ids[None]), expected, rtol=1e-5, atol=1e-6)
    assert decode(lm, ids) == "A dog ran."
    assert (lm.dtype_name, lm.quantisation) == ("float32", "F32")
    assert (lm.context, lm.d_model, lm.n_layers) == (256, 32, 3)
    assert lm.revision is None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_blocks_are_turned_into_numbers_of_the_type_that_is_asked_for(
    tiny_llama_path: Path, tmp_path: Path, folder: Path, dtype: str
) -> None:
    write_gguf(tiny_llama_path, tmp_path / "q.gguf", quantisation="Q8_0")
    lm = load_model(str(tmp_path / "q.gguf"), device="cpu", dtype=dtype)
    assert lm.dtype_name == dtype
    assert lm.weights == f"{dtype}, from weights in Q8_0"
    whole = load_model(str(folder), device="cpu", dtype="float32")
    ids = encode(lm, "A dog ran.")[None]
    # eight bits of each block's largest number, and then of every product of six matrices
    close = logits(lm, ids).float() - logits(whole, ids)
    assert 0 < close.abs().max() < 0.05 * logits(whole, ids).abs().max()


def test_the_chat_template_of_the_file_is_used(folder: Path) -> None:
    lm = load_model(str(folder), device="cpu")
    assert chat_text(lm, "Hello") == "<|user|>Hello<|assistant|>"


def test_a_file_is_known_by_what_is_in_it(folder: Path, tmp_path: Path) -> None:
    blob = tmp_path / "sha256-0123"  # as Ollama keeps it
    shutil.copy(folder / "tiny.gguf", blob)
    assert load_model(str(blob), device="cpu").n_layers == 3
    for name in ("tiny.gguf", "notes.txt"):
        (tmp_path / name).write_text("no model")
        with pytest.raises(UserError, match="is a file, but no model: it is no GGUF file"):
            model_address(str(tmp_path / name))


def test_the_files_beside_it_are_not_read(folder: Path, tiny_llama_path: Path, tmp_path) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_text("{}")
    shutil.copy(folder / "tiny.gguf", tmp_path)
    lm = load_model(str(tmp_path / "tiny.gguf"), device="cpu")
    assert decode(lm, encode(lm, "A dog.")) == "A dog."


def test_of_several_files_in_a_folder_one_must_be_named(folder: Path, tmp_path: Path) -> None:
    for name in ("a.Q4_0.gguf", "a.Q8_0.GGUF", "mmproj-a.gguf"):
        shutil.copy(folder / "tiny.gguf", tmp_path / name)
    with pytest.raises(UserError, match=r"holds 2 models: a\.Q4_0\.gguf and a\.Q8_0\.GGUF\."):
        model_address(str(tmp_path))
    (tmp_path / "a.Q8_0.GGUF").unlink()
    assert model_address(str(tmp_path)).gguf == tmp_path / "a.Q4_0.gguf"


def test_a_part_of_a_model_is_no_model(folder: Path, tmp_path: Path) -> None:
    part = tmp_path / "big-00001-of-00003.gguf"
    shutil.copy(folder / "tiny.gguf", part)
    with pytest.raises(UserError, match=r"is one of 3 parts of a model.*llama-gguf-split --merge"):
        model_address(str(part))


def test_an_unknown_architecture_gets_a_sentence(tiny_llama_path: Path, tmp_path: Path) -> None:
    write_gguf(tiny_llama_path, tmp_path / "new.gguf", architecture="newest")
    with pytest.raises(UserError, match="GGUF file of a newest model, which transformers can't"):
        load_model(str(tmp_path), device="cpu")


def test_a_missing_package_is_named(folder: Path, monkeypatch) -> None:
    found = gguf_room.find_spec
    monkeypatch.setattr(gguf_room, "find_spec", lambda n: None if n == "gguf" else found(n))
    with pytest.raises(
        UserError, match=r"needs gguf, which isn't.*pip install 'brainsurg\[gguf\]'"
    ):
        load_model(str(folder), device="cpu")


@pytest.mark.parametrize("length", [6, 200, 4000, 20_000])
def test_a_file_that_was_cut_short_gets_one_clear_sentence(
    folder: Path, tmp_path: Path, length: int
) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes((folder / "tiny.gguf").read_bytes()[:length])
    with pytest.raises(UserError) as caught:
        load_model(str(cut), device="cpu")
    assert "\n" not in str(caught.value)
    assert "cut.gguf" in str(caught.value)
