"""What went wrong while loading a model, in one sentence, and what to do about it."""

import contextlib
from collections.abc import Iterator
from pickle import UnpicklingError

import torch
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError

from engine.errors import UserError
from engine.progress import Cancelled

_EXPLANATIONS: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    (
        (GatedRepoError,),
        "{source} is gated: its owner gives access on request.",
        "Ask for it on https://huggingface.co/{source}, then log in with `hf auth login`.",
    ),
    (
        (RepositoryNotFoundError, HFValidationError),
        "{source} is neither a folder here nor a model on the Hugging Face hub.",
        "Check the spelling; for a private model, log in with `hf auth login`.",
    ),
    (
        (RevisionNotFoundError,),
        "{source} has no revision {revision}.",
        "Look at its branches and commits on https://huggingface.co/{source}.",
    ),
    (
        (LocalEntryNotFoundError, OfflineModeIsEnabled),
        "{source} is not on this machine and could not be fetched from the hub{offline}.",
        "Where there is a network, `brainsurg fetch {source}` brings it; or give the folder of a"
        " model.",
    ),
    (
        (HfHubHTTPError,),
        "The hub did not give out {source}: {reason}",
        "Try again later, or give the folder of a model.",
    ),
    (
        (SafetensorError,),
        "A file of weights of {source} is damaged: {reason}",
        "Fetch or save the model again.",
    ),
    (
        (UnpicklingError,),
        "The weights of {source} are a pickle of more than tensors, which could run code.",
        "Look for a copy of the model in safetensors.",
    ),
    (
        (torch.OutOfMemoryError,),
        "{source} does not fit into the memory of the device.",
        "Use a smaller type with --model-dtype or --quantize, spread it with --device-map auto, or"
        " choose another device.",
    ),
    (
        (ImportError,),
        "{source} needs a package that is not installed: {reason}",
        "Install it beside Brain Surgery.",
    ),
    (
        (Exception,),
        "The {part} of {source} can't be loaded: {reason}",
        "Check that it is a whole model, as transformers' save_pretrained writes it.",
    ),
)
"""Kinds of exceptions, most particular first; what happened; what to do."""


@contextlib.contextmanager
def explaining(part: str, source: str, revision: str | None) -> Iterator[None]:
    """Turn what fails while a `part` of `source` is read ("weights") into a UserError.

    What fails there is the fault of files that are not ours, or of the way to them. transformers
    wraps the hub's exceptions in general ones; what is underneath counts.
    """
    try:
        yield
    except (UserError, Cancelled):
        raise
    except Exception as error:
        chain = list(_chain(error))
        for kinds, what, do in _EXPLANATIONS:
            for cause in chain:
                if isinstance(cause, kinds):
                    texts = {
                        "part": part,
                        "source": source,
                        "revision": revision,
                        "reason": short_message(cause),
                        "offline": ", as HF_HUB_OFFLINE is set" if _is_offline() else "",
                    }
                    raise UserError(what.format(**texts), do.format(**texts)) from error


def _is_offline() -> bool:
    return bool(constants.HF_HUB_OFFLINE)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, what caused it, what caused that, …"""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def short_message(error: BaseException) -> str:
    """The message of `error` on one line of bounded length, or else its kind."""
    words = " ".join(str(error).split()) or type(error).__name__
    return f"{words.rstrip('.')}." if len(words) <= 200 else f"{words[:200]} …"
