"""The demo as a user types it, on a workspace where its long work is done already."""

from pathlib import Path
from typing import Any

import pytest

from tests.service.runner import Runner

ARCHITECTURES = ("seed-basic", "seed-optimised")


@pytest.fixture(scope="module")
def made(brainsurg: Runner, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the demo answers; its SAEs are small, and under the names that it looks for."""
    prompts: Path = tmp_path_factory.mktemp("demo") / "prompts.txt"
    prompts.write_text("Once upon a time there was a dog.\nWhat is the capital of France?\n")
    sites = [site["site"] for site in brainsurg.json("sites", "demo")["sites"]]
    after = [site for site in sites if site.startswith("resid_post.")]
    place = ("--model", "demo", "--site", after[len(after) // 2])
    brainsurg.json("capture", "seed-prompts", *place, "--prompts", prompts, "--generate", 20)
    for arch in ARCHITECTURES:
        options = ("--arch", arch, "--width", 96, "--tokens", 3000, "--batch", 16)
        brainsurg.json("train", arch, "--activations", "seed-prompts", *options)
    return brainsurg.json("demo", "--preset", "seed")


def test_it_tells_each_step(made: dict[str, Any]) -> None:
    assert made["capture"]["prompts"] == 2  # what is there is used, and not captured anew
    assert {sae["name"]: sae["d_sae"] for sae in made["saes"]} == dict.fromkeys(ARCHITECTURES, 96)
    assert 0 < len(made["features"]) <= 5
    assert all(feature["snippets"] for feature in made["features"])
    reconstruction, model = made["clamp"]
    first = made["features"][0]["id"]
    for report in (reconstruction, model):
        assert report["edits"][0]["feature"] == first
        assert len(report["prompts"]) == 7
    assert reconstruction["note"]
    assert {"no_op", "hf_identical", "error_kept"} <= model["checks"].keys()


def test_it_shows_each_step(brainsurg: Runner, made: dict[str, Any]) -> None:
    shown = brainsurg.shows("demo", "--preset", "seed")
    feature = made["features"][0]["id"]
    headings = (
        "is memorisation",
        "Activations seed-prompts: demo, resid_post.",
        "Sparse autoencoders, measured in the units of the activations",
        "The top five features of seed-optimised",
        f"Feature {feature} clamped, reconstruction view",
        f"Feature {feature} clamped, model view",
    )
    assert all(heading in shown for heading in headings)
    assert sorted(headings, key=shown.index) == list(headings)
    assert "brainsurg clamp seed-optimised" in shown
