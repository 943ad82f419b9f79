"""Which library a folder is from, by the names of its files."""

from pathlib import Path

import pytest

from engine.errors import UserError
from engine.sae.formats.libraries import file_names, library, recognise


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("names", "format"),
    [
        (("cfg.json", "sae_weights.safetensors", "sparsity.safetensors"), "sae_lens"),
        (("cfg.json", "sae.safetensors"), "sparsify"),
        (("config.json", "ae.pt", "eval_results.json"), "dictionary_learning"),
        (("params.npz",), "gemma_scope"),
        (("config.json", "params.safetensors", "examples.safetensors"), "gemma_scope"),
    ],
)
def test_a_folder_is_known_by_its_weights(
    tmp_path: Path, names: tuple[str, ...], format: str
) -> None:
    folder = put(tmp_path / "f", *names)
    assert recognise(folder, None) == (format, folder)
    assert recognise(folder, format) == (format, folder)
    for name in names:
        if name not in ("cfg.json", "config.json") and name in file_names(format):
            assert recognise(folder / name, None) == (format, folder)


def test_openais_is_a_file_of_any_name(tmp_path: Path) -> None:
    folder = put(tmp_path / "f", "6.pt")
    assert recognise(folder, None) == ("openai", folder / "6.pt")
    put(folder, "7.pt")
    assert recognise(folder / "7.pt", None) == ("openai", folder / "7.pt")
    with pytest.raises(UserError, match=r"several files of openai.*Name one"):
        recognise(folder, None)


def test_what_may_be_of_two_libraries_is_asked_for(tmp_path: Path) -> None:
    folder = put(tmp_path / "f", "cfg.json", "sae_weights.safetensors", "sae.safetensors")
    with pytest.raises(UserError, match=r"sae_lens, sparsify.*--format"):
        recognise(folder, None)
    assert recognise(folder, "sparsify") == ("sparsify", folder)


def test_what_is_of_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no autoencoder that is known"):
        recognise(put(tmp_path / "f", "model.safetensors", "config.json"), None)
    with pytest.raises(UserError, match="no autoencoder of openai"):
        recognise(put(tmp_path / "g", "params.npz"), "openai")
    with pytest.raises(UserError, match="no file or folder"):
        recognise(tmp_path / "nowhere", None)
    with pytest.raises(UserError, match=r"no format 'pickle'.*sae_lens"):
        library("pickle")
