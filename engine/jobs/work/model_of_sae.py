"""Loading the model that an SAE belongs to, wherever that is found."""

from engine.errors import UserError
from engine.jobs.kinds.model import ModelSpec
from engine.jobs.model_of_sae import models_and_site
from engine.jobs.work.model_of_job import load_model_of_job
from engine.model.load import LanguageModel
from engine.model.site import Site, parse_site
from engine.progress import Progress
from engine.sae.formats.input_rule import WHOLE, input_rule
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.provenance import other_model_note
from engine.workspace.folders import Workspace


def load_model_of_sae(
    spec: ModelSpec,
    sae: str,
    metadata: SAEMetadata,
    workspace: Workspace,
    *,
    model: str | None = None,
    progress: Progress,
) -> tuple[LanguageModel, Site]:
    """The model that the SAE called `sae` is tried in, as it reads texts for it, and its site.

    A `model` that is named is taken; else the first that can be had of those which its files and
    its scan name. Raises UserError where neither tells, and the first one's where none can be had.
    """
    found = models_and_site(workspace, sae, metadata, model)
    failure: UserError | None = None
    for source in found.models:
        try:
            lm = load_model_of_job(
                source,
                spec,
                progress,
                joined_with=sae,
                recorded_dtype=found.dtype,
                recorded_quantisation=found.quantisation,
            )
        except UserError as error:
            failure = failure or error
            continue
        if metadata.model and source not in found.known:
            note = other_model_note(sae, metadata.model, f"it is tried in {source}")
            progress.note(note)
        asked = input_rule(metadata)
        if asked != WHOLE:
            progress.note(f"As its files say, {sae} is given {asked}.")
        return lm.reading(prepend_bos=asked.prepend_bos), parse_site(found.site)
    assert failure is not None
    raise UserError(failure.what, f"{failure.do} --model names where it lies now.".strip())
