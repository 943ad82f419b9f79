"""Which files a model is loaded from, and whether transformers knows its kind."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    PreTrainedConfig,
)
from transformers.utils.hub import resolve_revision

from engine.errors import UserError
from engine.model.gguf import check_gguf, quantisation_of, without_bars
from engine.model.load_errors import explaining
from engine.model.source import model_address


@dataclass(frozen=True)
class ModelFiles:
    """Where transformers is to look for a model's files."""

    address: str
    """A folder or a hub id."""
    origin: Mapping[str, Any]
    """What every `from_pretrained` is told beside it."""
    revision: str | None = None
    quantisation: str = ""

    @property
    def is_gguf(self) -> bool:
        return "gguf_file" in self.origin


@contextlib.contextmanager
def files_of(source: str, revision: str | None, local_files_only: bool) -> Iterator[ModelFiles]:
    """Where the files of a model are. Raises UserError as `model_address` and `check_gguf`."""
    address, gguf = model_address(source)
    if gguf is None:
        commit = resolve_revision(address, revision, local_files_only=local_files_only)
        origin = {"revision": commit, "local_files_only": local_files_only}
        yield ModelFiles(address, origin, getattr(commit, "resolved", None))
        return
    with explaining("header", source, revision):
        check_gguf(gguf, source)
        quantisation = quantisation_of(gguf)
    # an empty folder: files that lie beside this one may be another model's
    with tempfile.TemporaryDirectory(prefix="brainsurg-") as empty, without_bars():
        origin = {"gguf_file": str(gguf), "local_files_only": True}
        yield ModelFiles(empty, origin, quantisation=quantisation)


def load_config(source: str, files: ModelFiles) -> PreTrainedConfig:
    """The configuration, if it is a causal language model's that transformers itself knows."""
    raw, _ = PreTrainedConfig.get_config_dict(files.address, **files.origin)
    model_type = raw.get("model_type")
    if model_type not in CONFIG_MAPPING:
        if "auto_map" in raw:
            raise UserError(
                f"{source} needs code of its own to be run, and Brain Surgery never does that.",
                "Choose a model that transformers knows by itself.",
            )
        raise UserError(
            f"{source} is of no kind that transformers knows: {model_type or 'it names none'}.",
            "Check that its config.json is a language model's, or install a newer transformers.",
        )
    config: PreTrainedConfig = AutoConfig.from_pretrained(
        files.address, trust_remote_code=False, **files.origin
    )
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(
            f"{source} is a {model_type} model, which is no causal language model.",
            "Choose a model that predicts the next token, such as openai-community/gpt2.",
        )
    return config
