"""The demo as a user types it, on a workspace where its long work is done already."""

import shutil
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
        "The study in short",
    )
    assert all(heading in shown for heading in headings)
    assert sorted(headings, key=shown.index) == list(headings)
    assert "brainsurg clamp seed-optimised" in shown


TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<answer>{% endif %}"
)


@pytest.fixture(scope="module")
def instruct(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with a chat template."""
    folder = tmp_path_factory.mktemp("instruct") / "tiny-instruct"
    shutil.copytree(tiny_llama_path, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def test_it_studies_any_model(brainsurg: Runner, instruct: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(f"Dog {i} ran. " * 9 for i in range(20)))
    options = ("--model", instruct, "--text", text, "--max-tokens", 1500)
    # as after an earlier run, whose training takes its time
    place = ("--model", instruct, "--site", "resid_post.1")
    brainsurg.json("capture", "tiny-instruct-corpus", *place, "--text", text)
    small = ("--width", 64, "--k", 4, "--tokens", 2000, "--batch", 64)
    brainsurg.json("train", "tiny-instruct", "--activations", "tiny-instruct-corpus", *small)
    found = brainsurg.json("demo", *options)
    assert (found["site"], found["chat_template"]) == ("resid_post.1", "default")
    assert found["model_dtype"] == "float32"
    assert len(found["answers"]) == found["prompts"]["prompts"] == 7
    files = Path(found["files"])
    assert sorted(path.name for path in files.glob("*.pt")) == sorted(
        answer["file"] for answer in found["answers"]
    )
    assert found["corpus"] == "text of text.txt"
    assert 0 < len(found["features"]) <= 5
    for feature in found["features"]:
        documents = [snippet["document"] for snippet in feature["snippets"]]
        assert len(documents) == len(set(documents)) > 0
    for report in found["clamp"]:
        assert report["chat_template"] == "default"
        assert "--chat-template default" in report["reproduce"]
    assert found["clamp"][1]["prompts"][0]["null"]["n"] > 0
    other = ("demo", "--model", "demo", "--name", "tiny-instruct")
    assert "Give the study another name with --name." in brainsurg.fails(*other)
