"""Opening what is no catalogue, or a damaged one."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.errors import UserError
from engine.features.catalogue.catalogue import (
    Catalogue,
    CatalogueManifest,
    write_catalogue_manifest,
)

MANIFEST = CatalogueManifest(
    activations="stories",
    model="demo",
    site="resid_post.1",
    features=1_000_000,
    alive=3,
    tokens=10,
    documents=2,
    active_threshold=0.0,
    top_k=1,
    radius=0,
    categories=[],
    total_tokens=10,
    complete=True,
)


def test_a_folder_without_a_catalogue(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no feature catalogue"):
        Catalogue.open(tmp_path)


def test_a_catalogue_of_a_later_format(tmp_path: Path) -> None:
    write_catalogue_manifest(tmp_path, msgspec.structs.replace(MANIFEST, format_version=99))
    with pytest.raises(UserError, match=r"format 99.*Scan the SAE again"):
        Catalogue.open(tmp_path)


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"features": "many"}', b'{"x": ' * 200_000])
def test_a_damaged_manifest(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "catalogue.json").write_bytes(data)
    with pytest.raises(UserError, match="can't be read"):
        Catalogue.open(tmp_path)


def test_a_truncated_column(tmp_path: Path) -> None:
    write_catalogue_manifest(tmp_path, MANIFEST)
    (tmp_path / "columns").mkdir()
    path = tmp_path / "columns" / "max.npy"
    np.save(path, np.zeros(1_000_000, dtype=np.float32))
    assert Catalogue.open(tmp_path).maxima([0, 999_999]) == [0, 0]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"max\.npy can't be read"):
        Catalogue.open(tmp_path)


@pytest.mark.parametrize("header", ["{'shape': (6, 2", "(" * 9000, "{'descr': '<f4'}"])
def test_a_column_whose_header_is_no_expression(tmp_path: Path, header: str) -> None:
    write_catalogue_manifest(tmp_path, MANIFEST)
    (tmp_path / "columns").mkdir()
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    (tmp_path / "columns" / "max.npy").write_bytes(data)
    with pytest.raises(UserError, match=r"max\.npy can't be read"):
        Catalogue.open(tmp_path).maxima([0])


def test_without_a_model_no_token_is_promoted(tmp_path: Path) -> None:
    write_catalogue_manifest(tmp_path, MANIFEST)
    catalogue = Catalogue.open(tmp_path)
    assert catalogue.promoted(3) == catalogue.suppressed(3) == []
