"""Loading: from folders, from the hub and its cache, and what is said when it does not work."""

import http.server
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
import transformers as hf

from engine.errors import UserError
from engine.model.device import choose_device
from engine.model.generate import generate, logits
from engine.model.load import load_model
from engine.model.source import model_address
from engine.model.text import encode
from tests.model.zoo import SUMS

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def damaged(tiny_llama_path: Path, tmp_path: Path) -> Path:
    """A copy of a good model, to be damaged."""
    return Path(shutil.copytree(tiny_llama_path, tmp_path / "model"))


def configure(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_folder_loads_ready_to_be_looked_into(tiny_llama_path: Path, capfd) -> None:
    lm = load_model(str(tiny_llama_path), device="cpu")
    assert capfd.readouterr() == ("", "")
    assert (lm.n_layers, lm.d_model, lm.context) == (3, 32, 256)
    assert lm.vocab_size == len(lm.tokenizer) == 258
    assert lm.source == str(tiny_llama_path)
    assert lm.revision is None
    assert len(lm.layers) == 3
    assert not lm.model.training
    assert not any(p.requires_grad for p in lm.model.parameters())
    assert (lm.device, lm.dtype) == (torch.device("cpu"), torch.float32)


def test_logits_are_those_of_a_model_that_transformers_loaded(stories_model_path: Path) -> None:
    lm = load_model(str(stories_model_path), device="cpu")
    plain = hf.AutoModelForCausalLM.from_pretrained(stories_model_path, dtype=torch.float32).eval()
    ids = encode(lm, "Tom and Lily went to the park.")[None]
    with torch.no_grad():
        assert torch.equal(logits(lm, ids), plain(ids).logits)


def test_the_dtype_is_float32_on_a_cpu_unless_another_is_asked_for(damaged: Path) -> None:
    half = hf.LlamaForCausalLM.from_pretrained(damaged, dtype=torch.bfloat16)
    half.save_pretrained(damaged)
    assert load_model(str(damaged), device="cpu").dtype == torch.float32
    lm = load_model(str(damaged), device="cpu", dtype="bfloat16")
    assert lm.dtype == torch.bfloat16
    assert logits(lm, torch.tensor([[5, 6]])).dtype == torch.bfloat16
    with pytest.raises(UserError, match="'int8' is no dtype"):
        load_model(str(damaged), device="cpu", dtype="int8")


def test_the_text_part_of_a_model_with_eyes_loads(tiny_llama_path: Path, tmp_path: Path) -> None:
    config = SUMS["gemma3-with-eyes"]()
    hf.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_llama_path / name, tmp_path)
    lm = load_model(str(tmp_path), device="cpu")
    assert (lm.n_layers, lm.d_model, lm.vocab_size, lm.context) == (3, 16, 99, 64)
    assert generate(lm, torch.tensor([[5, 6, 7]]), 4).shape == (1, 7)


def test_the_models_own_decoding_preferences_are_dropped_but_not_its_end(damaged: Path) -> None:
    preferences = {"do_sample": True, "repetition_penalty": 9.0, "top_k": 2, "eos_token_id": [1, 7]}
    (damaged / "generation_config.json").write_text(json.dumps(preferences))
    lm = load_model(str(damaged), device="cpu")
    ids = torch.tensor([[20, 21, 22]])
    generated = generate(lm, ids, 10)
    assert lm.model.generation_config.eos_token_id == [1, 7]
    for _ in range(generated.shape[1] - 3):
        ids = torch.cat([ids, logits(lm, ids)[:, -1:].argmax(-1)], 1)
    assert torch.equal(generated, ids)


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


class _Trap:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return os.mkdir, ("trapped",)


def _set_trap(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"model.norm.weight": _Trap()}, folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            lambda f: (f / "config.json").unlink(),
            "is a folder, but no model: it has neither a config",
        ),
        (lambda f: (f / "config.json").write_text("{"), "configuration of .* not a valid JSON"),
        (lambda f: (f / "config.json").write_text("{}"), "no kind that .* knows: it names none"),
        (lambda f: configure(f, model_type="new"), "no kind that transformers knows: new"),
        (lambda f: configure(f, hidden_size="wide"), "configuration of .*hidden_size"),
        (lambda f: configure(f, model_type="t5"), "is a t5 model, which is no causal"),
        (lambda f: configure(f, num_hidden_layers=4), r"lacks 9 of the weights.*layers\.3\."),
        (lambda f: configure(f, hidden_size=64), "or has them in another shape"),
        (
            lambda f: configure(f, model_type="own", auto_map={"AutoConfig": "own.Config"}),
            "needs code of its own to be run",
        ),
        (lambda f: (f / "model.safetensors").unlink(), "weights of .* no file named model.safet"),
        (_cut, "file of weights of .* is damaged"),
        (_set_trap, "are a pickle of more than tensors"),
        (lambda f: (f / "tokenizer.json").unlink(), "The tokenizer of .* can't be loaded"),
    ],
)
def test_a_damaged_model_gets_one_clear_sentence(
    damaged: Path, damage, sentence, monkeypatch, capfd
) -> None:
    damage(damaged)
    monkeypatch.chdir(damaged.parent)
    capfd.readouterr()
    with pytest.raises(UserError, match=sentence) as caught:
        load_model(str(damaged), device="cpu")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert not (damaged.parent / "trapped").exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("source", ["", "/no/such/folder", "a/b/c", "../x", "gpt 2", "a\x1b[2Jb"])
def test_what_is_neither_folder_nor_hub_id_is_said_to_be_neither(source) -> None:
    with pytest.raises(UserError, match="neither a model's folder or file nor a hub id") as caught:
        load_model(source)
    assert "\x1b" not in str(caught.value)


def test_sources_are_the_embedded_model_a_folder_or_a_hub_id(tmp_path: Path, monkeypatch) -> None:
    assert Path(model_address("demo").address).parts[-3:] == ("engine", "demo", "model")
    assert model_address("google/gemma-3-1b-it") == ("google/gemma-3-1b-it", None)
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text("{}")
    assert model_address("gpt2").address == "gpt2"
    monkeypatch.chdir(tmp_path)
    assert Path(model_address("gpt2").address).is_dir()
    (tmp_path / "weights.bin").touch()
    with pytest.raises(UserError, match="no model: it is no GGUF file"):
        model_address("weights.bin")


def test_a_device_that_is_not_there_is_said_not_to_be(monkeypatch) -> None:
    assert choose_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(UserError, match="no GPU for cuda"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UserError, match=r"no cuda:2.*cuda:1"):
        choose_device("cuda:2")
    for name in ("gpu", "cuda:", "cuda:-1", "mps "):
        with pytest.raises(UserError, match="is no device"):
            choose_device(name)


ANSWERS = {
    "gated": (403, "GatedRepo"),
    "missing": (401, "RepoNotFound"),
    "other": (404, "RevisionNotFound"),
    "bare": (404, "EntryNotFound"),
}


class _Hub(http.server.BaseHTTPRequestHandler):
    """Answers as the hub does, by the name of the repository that is asked for."""

    def do_GET(self) -> None:
        name = next((name for name in ANSWERS if f"/lab/{name}" in self.path), "missing")
        status, code = ANSWERS[name]
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def hub(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """A hub on this machine that gives nothing out; yields the folder of the empty cache."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    yield tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("lab/gated", "lab/gated is gated.*https://huggingface.co/lab/gated, then log in"),
        ("lab/missing", "lab/missing is neither a folder here nor a model on the Hugging Face hub"),
        ("lab/other", "lab/other has no revision v9"),
        ("lab/bare", "lab/bare is of no kind"),
    ],
)
def test_what_the_hub_refuses_gets_one_clear_sentence(hub, source, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        load_model(source, revision="v9" if source == "lab/other" else None)


def test_without_the_hub_only_the_cache_counts(hub, monkeypatch) -> None:
    elsewhere = "lab/model is not on this machine and could not be fetched"
    with pytest.raises(UserError, match=elsewhere):
        load_model("lab/model", local_files_only=True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=elsewhere):
        load_model("lab/model")


def test_a_cached_model_loads_without_the_hub_and_knows_its_commit(hub, tiny_llama_path) -> None:
    repository = hub / "models--lab--model"
    shutil.copytree(tiny_llama_path, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    lm = load_model("lab/model", device="cpu", local_files_only=True)
    assert (lm.source, lm.revision, lm.n_layers) == ("lab/model", COMMIT, 3)
