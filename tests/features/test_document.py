"""Whole documents, against encoding them in one go."""

from pathlib import Path

import pytest
import torch

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.features.examples.document import whole_document
from engine.sae import blocks
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig

D_MODEL, FEATURES, BOS = 6, 20, 0
LENGTHS = [5, 31, 8]


@pytest.fixture
def acts(tmp_path: Path) -> ActivationSet:
    generator = torch.Generator().manual_seed(0)
    about = Manifest(
        model="m", site="resid_post.1", d_model=D_MODEL, dtype="float32", bos_token_id=BOS
    )
    words = ["<s>", *(f" w{i}" for i in range(1, 9))]
    with ActivationWriter(tmp_path / "set", about, words, shard_bytes=400) as writer:
        for length in LENGTHS:
            ids = torch.randint(1, 9, (length,), generator=generator)
            ids[0] = BOS
            writer.add(torch.randn(length, D_MODEL, generator=generator), ids, text="")
    return ActivationSet.open(tmp_path / "set")


@pytest.mark.parametrize("architecture", ["topk", "seed-basic"])
@pytest.mark.parametrize("rows", [3, 1000])
def test_every_token_has_its_activation(
    acts: ActivationSet, architecture: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", rows * FEATURES)
    k = 5 if architecture == "topk" else None
    config = SAEConfig(architecture=architecture, d_in=D_MODEL, d_sae=FEATURES, k=k)
    sae = build(config).requires_grad_(False)
    ids, x = acts.document(1)
    codes = sae.encode(x)
    codes = codes.where(codes > sae.active_threshold, 0)
    codes[0] = 0
    feature = int(codes.amax(0).argmax())
    found = whole_document(sae, acts, feature, 1)
    assert found.activations == pytest.approx(codes[:, feature].tolist(), abs=1e-6)
    assert found.tokens == ["<s>" if i == BOS else f" w{i}" for i in ids.tolist()]
    assert found.text == "".join(found.tokens)
    assert found.peak == found.position == int(codes[:, feature].argmax())
    assert found.document == 1


def test_what_is_not_there_is_refused(acts: ActivationSet) -> None:
    sae = build(SAEConfig(architecture="relu", d_in=D_MODEL, d_sae=FEATURES))
    with pytest.raises(UserError, match=r"no document 3\. They are 0 to 2"):
        whole_document(sae, acts, 0, 3)
    with pytest.raises(UserError, match=r"no feature 20\. The features are 0 to 19"):
        whole_document(sae, acts, FEATURES, 0)
    with pytest.raises(UserError, match="6 wide, not 7"):
        whole_document(build(SAEConfig(architecture="relu", d_in=7, d_sae=3)), acts, 0, 0)
