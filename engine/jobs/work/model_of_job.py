"""Loading the model that a job runs, and saying in which type it computes."""

from engine.jobs.kinds.model import ModelSpec
from engine.model.dtypes import dtype_to_ask_for, other_dtype_note
from engine.model.load import LanguageModel, load_model
from engine.progress import Progress


def load_model_of_job(
    source: str,
    spec: ModelSpec,
    progress: Progress,
    *,
    joined_with: str = "",
    recorded_dtype: str = "",
    revision: str | None = None,
) -> LanguageModel:
    """The model at `source`, on the job's device and in the type that it asks for.

    `joined_with` names the activations or the SAE that the model is joined with, and
    `recorded_dtype` says what the model computed in when these were made: without a wish that is
    taken, and another one gets a note. Raises UserError as `load_model`.
    """
    progress("load the model", 0)
    dtype = dtype_to_ask_for(spec.model_dtype, recorded_dtype)
    lm = load_model(source, dtype=dtype, device=spec.device, revision=revision)
    if note := other_dtype_note(joined_with, recorded_dtype, lm.dtype_name):
        progress.note(note)
    elif lm.quantisation or (lm.dtype_reason and lm.dtype_name != "float32"):
        reason = f", {lm.dtype_reason}; --model-dtype names another" if lm.dtype_reason else ""
        progress.note(f"{lm.source} computes in {lm.weights}{reason}.")
    return lm
