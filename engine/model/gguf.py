"""Models in GGUF files, as llama.cpp, LM Studio and Ollama keep them.

transformers reads such a file and turns its blocks of small integers into plain numbers. Nothing
beside the file is read.
"""

import contextlib
import functools
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

from engine.errors import UserError

PACKAGES = ("gguf", "accelerate")
"""What transformers needs beside itself to read such a file."""


def check_gguf(path: Path, source: str) -> None:
    """Raise UserError where packages are missing, or transformers doesn't know the architecture."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"{source} is a GGUF file, and reading one needs {' and '.join(missing)}, which isn't"
            " installed.",
            "Install it with: pip install 'brainsurg[gguf]'",
        )
    from transformers.integrations.gguf.gguf_config_mapping import GGUF_CONFIG_ARCHS
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    architecture = _header(path).architecture
    known = {*GGUF_CONFIG_ARCHS, *GGUF_SUPPORTED_ARCHITECTURES}
    # the names of the file format and of transformers differ in their signs: qwen2moe, qwen2_moe
    if _letters(architecture) not in map(_letters, known):
        raise UserError(
            f"{source} is a GGUF file of a {architecture} model, which transformers can't read from"
            " such a file.",
            "Look for the same model in transformers' own format, or install a newer transformers.",
        )


def quantisation_of(path: Path) -> str:
    """The type that most of a GGUF file's numbers are in, as llama.cpp calls it: `Q4_1`, `F16`."""
    from transformers.integrations.gguf.dequant import GGML_NAME

    plain = {0: "F32", 1: "F16", 30: "BF16"}
    numbers = Counter[int]()
    for tensor in _header(path).tensors:
        numbers[tensor.ggml_type] += prod(tensor.shape)
    if not numbers:
        return ""
    ((most, _),) = numbers.most_common(1)
    names: Any = GGML_NAME
    return str(plain.get(most) or names.get(most, most)).upper()


def gguf_settings() -> dict[str, Any]:
    """What `from_pretrained` is told to turn blocks into plain numbers."""
    from transformers import GgufConfig

    return {"quantization_config": GgufConfig(dequantize=True)}


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """Within the block transformers draws no bar on the terminal while it reads such a file: that
    one doesn't ask `engine.model.quiet`."""
    reader: Any = import_module("transformers.modeling_gguf_pytorch_utils")
    drawn = reader.tqdm
    reader.tqdm = functools.partial(drawn, disable=True)
    try:
        yield
    finally:
        reader.tqdm = drawn


def _header(path: Path) -> Any:
    from transformers.integrations.gguf.reader import GgufHeader

    return GgufHeader.from_file(str(path))


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
