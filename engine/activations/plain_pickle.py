"""Files of `torch.save`, read as tensors and plain containers and as nothing else.

Such a file is a pickle, and a pickle can be a program.
"""

import pickle
from pathlib import Path
from typing import Any

import torch

from engine.activations.text_files import readable
from engine.errors import UserError


def load_plain(path: Path) -> Any:
    """What `path` holds, with tensors on the CPU. Runs no code that the file may carry.

    Raises UserError for a file that isn't there, that is damaged, or that holds anything else.
    """
    with readable(path):
        path.open("rb").close()
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} was not opened, because it isn't plain tensors: it may carry code.",
            "Ask whoever made it for the plain tensors.",
        ) from error
    except Exception as error:  # a pickle with flipped bits makes its reader raise anything
        raise UserError(f"{path} is damaged or no PyTorch file.", "Copy it again.") from error
