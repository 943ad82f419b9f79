"""What kinds of job have in common that run a model."""

from typing import Annotated

from engine.jobs.kinds.base import DeviceSpec
from engine.jobs.kinds.fields import Setting
from engine.model.dtypes import AUTO, MODEL_DTYPES, QUANTISATIONS


class ModelSpec(DeviceSpec, frozen=True, kw_only=True):
    """A job that runs a model."""

    model_dtype: Annotated[str, Setting(choices=lambda: MODEL_DTYPES)] = AUTO
    """What the model computes in. `auto` is what the activations were captured in that it is to be
    joined with; without such, bfloat16 where that is measured to be faster, and else float32."""
    quantize: Annotated[str, Setting(choices=lambda: QUANTISATIONS)] = AUTO
    """What the model's weights are kept in: 8 bits (`int8`, `fp8`; needs torchao), or as its files
    have them (`none`). `auto` is what they were when the activations were captured; else `none`."""
    device_map: Annotated[str, Setting(meaning="source")] = ""
    """Spreads a model that is too large for one device over several (needs accelerate): `auto`,
    `balanced`, `balanced_low_0`, `sequential`, or a .json file of devices, `cpu` and `disk` by
    names of modules."""
