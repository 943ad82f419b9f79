"""Where a model comes from: the embedded one, a folder, or the Hugging Face hub. Torch-free."""

import importlib.resources
import os
import re
from pathlib import Path

from engine.errors import UserError

DEMO = "demo"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)


def model_address(source: str) -> str:
    """The folder or the hub id that `source` means: what transformers' `from_pretrained` takes.

    "demo" is the embedded model; a folder that exists is that folder; all else must be able to
    be a hub id. Raises UserError for a folder without a model in it, and for what is neither a
    folder nor a possible hub id; whether a hub id exists is found out by loading it.
    """
    if source == DEMO:
        return str(importlib.resources.files("engine") / "demo" / "model")
    # os.path, which answers "no" where pathlib raises: for what can't be a path, or is too long
    folder = Path(os.path.expanduser(source))
    if source and os.path.isdir(folder):
        if not (folder / "config.json").is_file():
            raise UserError(
                f"{source!r} is a folder, but no model: it has no config.json.",
                "Give a folder that transformers' save_pretrained wrote, or a hub id.",
            )
        return str(folder)
    if os.path.isfile(folder) or not _HUB_ID.fullmatch(source):
        raise UserError(
            f"{source!r} is neither a model's folder nor a hub id.",
            "Give a folder that exists, or an id such as openai-community/gpt2.",
        )
    return source
