"""An interrupted scan of an older version is gone on with: it is known by the digest it wrote."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.activations.store.manifest import Manifest
from engine.activations.store.measured_rows import MeasuredRows
from engine.activations.store.row_summary import RowCounts, RowKind, RowSummary
from engine.features.scan.unfinished import scan_identity
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig


@pytest.mark.parametrize(
    ("architecture", "k", "digest"),
    [
        ("topk", 2, "dc0915ea890a50b250264c6b877b1c6a38d1bd8583783410461dd655ef297b1c"),
        ("gated", None, "8fec89529b1e4f31e5234e3879a15cbd1de74f122df732ada2d015ed796467fb"),
        ("seed-basic", None, "843284e32fc7f6e85c64db13858598651440c6122424c030e2bd5f5e0af62ddd"),
    ],
)
def test_a_scan_is_known_by_what_version_0_1_wrote(
    architecture: str, k: int | None, digest: str
) -> None:
    sae = build(SAEConfig(architecture=architecture, d_in=4, d_sae=8, k=k))
    with torch.no_grad():
        for i, (_, parameter) in enumerate(sorted(sae.to_stored_names(sae.state_dict()).items())):
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) + i)
    about = Manifest(model="m", site="resid_post.0", d_model=4, dtype="float32", bos_token_id=0)
    acts = SimpleNamespace(manifest=about)
    kinds = np.array([RowKind.START, RowKind.TEXT, RowKind.TEXT], np.uint8)
    rows = MeasuredRows(RowSummary(rule=None, counts=RowCounts.of_kinds(kinds)), kinds)
    assert scan_identity(sae, acts, (20, 16, 99, 0), rows, "text") == digest
    kinds[1] = RowKind.SINK  # which that version counted
    assert scan_identity(sae, acts, (20, 16, 99, 0), rows, "behind_start") == digest
    assert scan_identity(sae, acts, (20, 16, 99, 0), rows, "text") != digest
