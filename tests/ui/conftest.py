"""A fresh world for every test."""

from pathlib import Path

import pytest

from tests.ui.fake_engine import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A workspace with seven prompts, a set, and a scanned SAE."""
    return World(str(tmp_path))


@pytest.fixture
def empty_world(tmp_path: Path) -> World:
    """A workspace with seven prompts and nothing else."""
    return World(str(tmp_path), empty=True)
