"""What the documents name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACEHOLDERS = {"NAME", "TOPIC"}


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_paths_and_modules_that_are_named_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    named = re.findall(r"`((?:engine|brainsurg_tui|tests|benchmarks)[\w./]*)`", text)
    assert named
    assert [name for name in named if not _exists(name)] == []


def _exists(name: str) -> bool:
    """Whether it is a path, a module, or a name in a module."""
    if PLACEHOLDERS & set(re.findall(r"[A-Z]+", name)):
        name = str(Path(name).parent)
    path = ROOT / name
    if "/" in name or path.exists():
        return path.exists()
    parts = ROOT.joinpath(*name.split("."))
    if parts.is_dir() or parts.with_suffix(".py").exists():
        return True
    module = parts.parent.with_suffix(".py")
    return module.exists() and parts.name in module.read_text()


def test_the_map_of_the_code_names_every_folder() -> None:
    """What a newcomer opens first."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    start = text.index("## Where things are")
    tree = text[start : text.index("\n## ", start + 1)]
    for room in ("engine", "brainsurg_tui", "engine/sae", "engine/features", "engine/service"):
        folders = [path.parent.name for path in (ROOT / room).glob("*/__init__.py")]
        assert folders
        assert [name for name in folders if f"{name}/" not in tree] == []
