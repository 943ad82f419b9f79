"""The table of prompts."""

from pathlib import Path

import pytest

from engine.errors import UserError
from engine.workspace.database import open_database
from engine.workspace.prompts import PromptStore, SavedPrompt


@pytest.mark.parametrize("ids", [[(1 << 63) - 1], [0], [-1], [1, 1]])
def test_ids_that_no_table_gives_are_not_restored(tmp_path: Path, ids: list[int]) -> None:
    prompts = PromptStore(open_database(tmp_path / "brainsurg.sqlite"))
    first = prompts.save(None, "one", "")
    with pytest.raises(UserError, match="not the prompts of a workspace"):
        prompts.restore([SavedPrompt(id=id, prompt="x") for id in ids])
    assert prompts.all() == [first]
    second = prompts.save(None, "two", "")
    prompts.restore([second, first])
    assert prompts.all() == [first, second]
    assert prompts.save(None, "three", "").id == second.id + 1
