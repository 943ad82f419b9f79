"""Weights in 8 bits, of which a model takes half the memory that it takes in bfloat16.

torchao keeps every linear map of the layers in 8 bits with a number in the model's own type for
each row, and turns it back as it is multiplied: `int8` rounds to 255 levels, `fp8` to floats of 4
bits of exponent and 3 of mantissa (e4m3). Activations, norms, embeddings, the unembedding, and the
experts of a mixture that are no linear maps of PyTorch's keep their type.
"""

from importlib.util import find_spec
from typing import Any

from engine.errors import UserError
from engine.model.dtypes import AS_STORED, AUTO, QUANTISATIONS

PACKAGES = ("torchao", "accelerate")
"""What transformers needs beside itself."""


def quantisation_settings(name: str, source: str, *, quantised: str) -> dict[str, Any]:
    """What `from_pretrained` is told to keep weights in the type called `name`.

    `quantised`: what the files of the model hold them in already, empty for plain numbers.
    Raises UserError for an unknown name, for weights that are quantised already, and where packages
    are missing.
    """
    if name not in QUANTISATIONS:
        raise UserError(f"{name!r} is no type for weights.", f"Use {', '.join(QUANTISATIONS)}.")
    if name in (AUTO, AS_STORED):
        return {}
    if quantised:
        raise UserError(
            f"The weights of {source} are in {quantised} already, so they can't be put into"
            f" {name}.",
            "Leave out --quantize.",
        )
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        are = "isn't" if len(missing) == 1 else "aren't"
        raise UserError(
            f"Weights in {name} need {' and '.join(missing)}, which {are} installed.",
            "Install what is missing with: pip install 'brainsurg[quantize]'",
        )
    from torchao import quantization
    from transformers import TorchAoConfig

    kinds = {
        "int8": quantization.Int8WeightOnlyConfig,
        "fp8": quantization.Float8WeightOnlyConfig,
    }
    return {"quantization_config": TorchAoConfig(kinds[name]())}


def quantisation_of_config(config: Any) -> str:
    """What a checkpoint of transformers holds weights in, as its configuration calls the method:
    `mxfp4`, `fp8`, `bitsandbytes`; empty for plain numbers."""
    about = getattr(config, "quantization_config", None) or {}
    method = about.get("quant_method") if isinstance(about, dict) else about.quant_method
    return str(getattr(method, "value", method) or "")
