"""What the field has published, as it is asked for."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from brainsurg_tui.commands.tables.published import published_tables
from engine.errors import UserError
from engine.sae.published import published_table
from engine.service import protocol as p
from engine.service.handlers.context import Context
from engine.service.handlers.published import get_published
from tests.service.runner import Runner
from tests.service.test_tables import shown


def asked(model: str = "") -> p.Published:
    return get_published(p.GetPublished(model=model), cast("Context", None))


def test_the_command_lists_what_there_is_for_a_model(brainsurg: Runner) -> None:
    found: dict[str, Any] = brainsurg.json("published", "gemma-3-1b-pt")
    assert found["models"][0]["model"] == "google/gemma-3-1b-pt"
    assert found["models"][0]["saes"] == len(found["saes"]) > 500
    sae = next(one for one in found["saes"] if one["target_site"] == "mlp_out.5")
    assert sae["site"] == "mlp_in.5"
    assert found["sources"][sae["source"]]["date"] > "2026"
    assert "no release 'x'" in brainsurg.fails("published", "gemma-3-1b-pt", "--release", "x")
    assert "--release needs a model" in brainsurg.fails("published", "--release", "x", status=2)


def test_all_models_are_listed_without_one() -> None:
    found = asked()
    assert found.saes == []
    assert {each.model: each.saes for each in found.models} == published_table().models
    lines = shown(next(iter(published_tables(found))))
    assert any(line.split() == ["openai/gpt-oss-20b", "6"] for line in lines)


def test_releases_of_a_model_are_shown_with_what_they_are() -> None:
    found = asked("Qwen/Qwen3-1.7B-Base")
    text = "\n".join(line for table in published_tables(found) for line in shown(table))
    assert "qwen-scope-3-1.7b-base-w32k-l50" in text
    assert "/layer14" in text
    assert "resid_post" in text
    assert "0–27" in text
    assert "As listed by SAELens" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    one = found.of_release("qwen-scope-3-1.7b-base-w32k-l50")
    assert [sae.id for sae in one.saes] == [f"layer{n}" for n in range(28)]


def test_a_folder_is_known_by_its_configuration_or_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(UserError, match=r"No published SAE is known for .*mine"):
        asked(str(folder))
    config = {"_name_or_path": "google/gemma-3-1b-pt"}
    (folder / "config.json").write_text(json.dumps(config))
    assert asked(str(folder)).models[0].model == "google/gemma-3-1b-pt"
    (folder / "config.json").write_text("[")
    folder.rename(tmp_path / "gemma-2-2b")
    assert asked(str(tmp_path / "gemma-2-2b")).models[0].model == "google/gemma-2-2b"


def test_a_model_that_is_not_known_leads_to_similar_ones() -> None:
    with pytest.raises(UserError, match=r"for SmolLM2-135M-Instruct\. Some .*/SmolLM2-135M;"):
        asked("SmolLM2-135M-Instruct")
    with pytest.raises(UserError, match="lists the models"):
        asked("zzzzzzzzzz")
