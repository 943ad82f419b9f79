"""What is shown of features of real models is what brute force finds."""

from pathlib import Path

import pytest
import torch

from benchmarks.scan_truth import alive, check, make
from engine.jobs.kinds import Capture, Train
from engine.workspace.folders import Workspace


@pytest.mark.parametrize(("model", "width"), [("stories260k", 512), ("demo", 256)])
def test_every_number_is_what_brute_force_finds(
    model: str, width: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    workspace = Workspace.open(tmp_path)
    texts: list[str] = []
    path = model
    if model == "stories260k":
        path = str(request.getfixturevalue("stories_model_path"))
        texts = [str(request.getfixturevalue("stories_path"))] * 2  # so that peaks are equal
    capture = Capture(
        name="corpus",
        model=path,
        sites=["resid_post.3"],
        texts=texts,
        demo_documents=0 if texts else 400,
        max_tokens=40_000,
        device="cpu",
    )
    train = Train(
        name="sae",
        activations="corpus",
        arch="topk",
        width=width,
        k=16,
        tokens=20_000,
        device="cpu",
    )
    make(workspace, capture, train)
    features = alive(workspace, "sae", 20, seed=1)
    assert len(features) == 20
    assert check(workspace, "sae", features) > 10_000
