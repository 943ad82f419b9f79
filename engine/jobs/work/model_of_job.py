"""Loading the model that a job runs, and saying in which type it computes."""

from engine.jobs.kinds.model import ModelSpec
from engine.model.dtypes import (
    dtype_to_ask_for,
    other_dtype_note,
    quantisation_to_ask_for,
    weights_words,
)
from engine.model.load import LanguageModel, load_model
from engine.progress import Progress


def load_model_of_job(
    source: str,
    spec: ModelSpec,
    progress: Progress,
    *,
    joined_with: str = "",
    recorded_dtype: str = "",
    recorded_quantisation: str = "",
    revision: str | None = None,
) -> LanguageModel:
    """The model at `source`, on the job's device or devices and in the type that it asks for.

    `joined_with` names the activations or the SAE that the model is joined with, and
    `recorded_dtype` and `recorded_quantisation` say what the model computed in when these were
    made, and what its weights were kept in: without a wish that is taken, and another one gets a
    note. Raises UserError as `load_model`.
    """
    progress("load the model", 0)
    dtype = dtype_to_ask_for(spec.model_dtype, recorded_dtype)
    lm = load_model(
        source,
        dtype=dtype,
        device=spec.device,
        device_map=spec.device_map,
        quantize=quantisation_to_ask_for(spec.quantize, recorded_quantisation),
        revision=revision,
    )
    if lm.places:
        progress.note(f"{lm.source} is spread over {lm.places}.")
    recorded = weights_words(recorded_dtype, recorded_quantisation)
    if note := other_dtype_note(joined_with, recorded, lm.weights):
        progress.note(note)
    elif lm.quantisation or (lm.dtype_reason and lm.dtype_name != "float32"):
        reason = f", {lm.dtype_reason}; --model-dtype names another" if lm.dtype_reason else ""
        progress.note(f"{lm.source} computes in {lm.weights}{reason}.")
    return lm
