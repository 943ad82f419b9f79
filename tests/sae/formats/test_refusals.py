"""What can't be followed is refused, with the file and the field named. SAELens's: `test_store`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import UserError
from engine.sae.formats.inference import at_inference
from engine.sae.formats.libraries import library, recognise
from engine.sae.formats.metadata import SAEMetadata
from tests.sae.formats.made import GROUPS, made

Damage = Callable[[Path], None]


def fields(name: str, *inside: str, **changes: Any) -> Damage:
    """Change fields of a JSON file; None takes one out."""

    def damage(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        record = content
        for key in inside:
            record = record[key]
        record |= changes
        for field in [field for field, value in changes.items() if value is None]:
            del record[field]
        (folder / name).write_text(json.dumps(content))

    return damage


def tensors(name: str, **changes: Any) -> Damage:
    """Change tensors of a file of weights; None takes one out."""

    def damage(folder: Path) -> None:
        path = folder / name
        if path.suffix == ".safetensors":
            save_file(_changed(load_file(path), changes), path)
        elif path.suffix == ".npz":
            held = _changed(dict(np.load(path)), changes)
            np.savez(path, **held)
        else:
            torch.save(_changed(torch.load(path), changes), path)

    return damage


def _changed(held: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    return {name: value for name, value in (held | changes).items() if value is not None}


def cut(name: str, size: int) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size]) and None


class Program:
    """What a pickle may be."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("run",)


def program(name: str) -> Damage:
    return lambda folder: torch.save({"encoder.weight": Program()}, folder / name)


SPARSIFY, AE, OPENAI = "sae.safetensors", "ae.pt", "autoencoder.pt"
NPZ, SECOND = "params.npz", "params.safetensors"
NORMED, ELSEWHERE = {"layer_norm": True}, {"d_out": 9}


class Case(NamedTuple):
    """A file that is written well, what is done to it, and what is said then."""

    format: str
    architecture: str
    settings: dict[str, Any]
    damage: Damage
    said: str


CASES = [
    Case(
        "sparsify",
        "topk",
        {},
        fields("cfg.json", activation="groupmax"),
        "activation is 'groupmax'",
    ),
    Case("sparsify", "topk", {}, fields("cfg.json", signed=True), "signed is true"),
    Case("sparsify", "topk", {}, fields("cfg.json", k=None), "`k`"),
    Case("sparsify", "topk", {}, fields("cfg.json", k=21), "k is 21"),
    Case(
        "sparsify", "topk", {}, fields("cfg.json", d_in=7), "encoder.weight has the shape [20, 6]"
    ),
    Case("sparsify", "topk", {}, fields("cfg.json", num_latents=0), "encoder.weight has the shape"),
    Case("sparsify", "topk", {}, fields("cfg.json", skip_connection=True), "no tensor 'W_skip'"),
    Case(
        "sparsify",
        "topk",
        {},
        tensors(SPARSIFY, W_skip=torch.ones(6, 6)),
        "unknown tensor 'W_skip'",
    ),
    Case(
        "sparsify",
        "topk",
        {},
        tensors(SPARSIFY, b_dec=torch.ones(6) / 0),
        "b_dec holds values that",
    ),
    Case("sparsify", "topk", {}, cut(SPARSIFY, 200), f"{SPARSIFY} is damaged"),
    Case("sparsify", "topk", {}, cut("cfg.json", 20), "cfg.json"),
    Case(
        "dictionary_learning",
        "topk",
        {},
        fields("config.json", "trainer", dict_class="CrossCoder"),
        "dict_class is 'CrossCoder'",
    ),
    Case("dictionary_learning", "topk", {}, fields("config.json", trainer=None), "`trainer`"),
    Case(
        "dictionary_learning",
        "topk",
        {},
        fields("config.json", "trainer", k=5),
        "trainer.k is 5, but in",
    ),
    Case(
        "dictionary_learning",
        "topk",
        {},
        fields("config.json", "trainer", dict_size=21),
        "encoder.weight has the shape [20, 6]",
    ),
    Case(
        "dictionary_learning",
        "batchtopk",
        {},
        tensors(AE, threshold=None),
        "no tensor 'threshold'",
    ),
    Case(
        "dictionary_learning",
        "batchtopk",
        {},
        tensors(AE, threshold=torch.ones(20)),
        "threshold has the shape [20]",
    ),
    Case("dictionary_learning", "topk", {}, tensors(AE, k=torch.tensor(4.0)), "k is torch.float32"),
    Case(
        "dictionary_learning", "topk", {}, tensors(AE, k=torch.tensor([4, 4])), "k holds 2 numbers"
    ),
    Case(
        "dictionary_learning",
        "matryoshka",
        {},
        tensors(AE, group_sizes=torch.tensor([*GROUPS, 1])),
        "don't make up 20 features",
    ),
    Case(
        "dictionary_learning", "relu", {}, tensors(AE, bias=torch.ones(6)), "unknown tensor 'bias'"
    ),
    Case(
        "dictionary_learning", "relu", {}, tensors(AE, encoder__bias="x"), "encoder.bias is a str"
    ),
    Case("dictionary_learning", "relu", {}, program(AE), "may carry code"),
    Case("dictionary_learning", "relu", {}, cut(AE, 300), "damaged or no PyTorch file"),
    Case(
        "dictionary_learning",
        "relu",
        {},
        lambda folder: torch.save([1], folder / AE),
        "holds a list, not a state dictionary",
    ),
    Case(
        "dictionary_learning",
        "relu",
        {},
        lambda folder: (folder / "config.json").unlink(),
        "There is no file",
    ),
    Case("gemma_scope", "jumprelu", {}, tensors(NPZ, threshold=None), "no tensor 'threshold'"),
    Case("gemma_scope", "jumprelu", {}, tensors(NPZ, W_enc=None), "no tensor 'W_enc'"),
    Case("gemma_scope", "jumprelu", {}, tensors(NPZ, W_enc=np.ones(3)), "W_enc has the shape [3]"),
    Case(
        "gemma_scope", "jumprelu", {}, tensors(NPZ, W_dec=np.ones((21, 6))), "W_dec has the shape"
    ),
    Case(
        "gemma_scope", "jumprelu", {}, tensors(NPZ, b_enc=np.ones(20, int)), "b_enc is torch.int64"
    ),
    Case("gemma_scope", "jumprelu", {}, tensors(NPZ, more=np.ones(2)), "unknown tensor 'more'"),
    Case("gemma_scope", "jumprelu", {}, tensors(NPZ, b_enc=np.array([{}])), "no file of arrays"),
    Case("gemma_scope", "jumprelu", {}, cut(NPZ, 400), "no file of arrays"),
    Case(
        "gemma_scope",
        "jumprelu",
        ELSEWHERE,
        fields("config.json", architecture="topk"),
        "architecture is 'topk'",
    ),
    Case(
        "gemma_scope",
        "jumprelu",
        ELSEWHERE,
        fields("config.json", type="crosscoder"),
        "type is 'crosscoder'",
    ),
    Case("gemma_scope", "jumprelu", ELSEWHERE, fields("config.json", width=21), "width is 21"),
    Case(
        "gemma_scope",
        "jumprelu",
        ELSEWHERE,
        fields("config.json", affine_connection=True),
        "no tensor 'affine_skip_connection'",
    ),
    Case(
        "gemma_scope",
        "jumprelu",
        ELSEWHERE,
        fields("config.json", type="sae"),
        "w_dec has the shape [20, 9]",
    ),
    Case(
        "gemma_scope",
        "jumprelu",
        ELSEWHERE,
        tensors(SECOND, w_dec=torch.ones(20, 2, 9)),
        "w_dec has the shape [20, 2, 9]",
    ),
    Case("openai", "relu", {}, tensors(OPENAI, activation="Identity"), "activation is 'Identity'"),
    Case("openai", "relu", {}, tensors(OPENAI, activation="TopK"), "holds no k"),
    Case(
        "openai",
        "topk",
        NORMED,
        tensors(OPENAI, activation_state_dict={"k": 3, "postact_fn": "Identity"}),
        "postact_fn is 'Identity'",
    ),
    Case(
        "openai",
        "topk",
        NORMED,
        tensors(OPENAI, activation_state_dict={"k": 21, "postact_fn": "ReLU"}),
        "k is 21",
    ),
    Case(
        "openai", "relu", {}, tensors(OPENAI, pre_bias=torch.ones(7)), "pre_bias has the shape [7]"
    ),
    Case(
        "openai",
        "relu",
        {},
        tensors(OPENAI, decoder__linear__weight=torch.ones(20, 6)),
        "unknown tensor 'decoder.linear.weight'",
    ),
    Case("openai", "relu", {}, program(OPENAI), "may carry code"),
]


@pytest.mark.parametrize("case", CASES)
def test_the_file_and_the_field_are_named(
    tmp_path: Path, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = made(case.architecture, **case.settings)
    used = at_inference(trained)
    about = SAEMetadata(trained_as=None if used is trained else trained.config)
    library(case.format).write(used, tmp_path, about)
    case.damage(tmp_path)
    _, path = recognise(tmp_path, case.format)
    with pytest.raises(UserError) as refused:
        library(case.format).read(path)
    assert case.said in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert capsys.readouterr().out == ""
