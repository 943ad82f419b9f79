"""What kinds of job have in common that run a model."""

from typing import Annotated

from engine.jobs.kinds.base import DeviceSpec
from engine.jobs.kinds.fields import Setting
from engine.model.dtypes import AUTO, MODEL_DTYPES


class ModelSpec(DeviceSpec, frozen=True, kw_only=True):
    """A job that runs a model."""

    model_dtype: Annotated[str, Setting(choices=lambda: MODEL_DTYPES)] = AUTO
    """What the model computes in. `auto` is what the activations were captured in that it is to be
    joined with; without such, bfloat16 where that is measured to be faster, and else float32."""
