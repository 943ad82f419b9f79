"""In which model, and where in it, an SAE is tried. Torch-free.

An SAE names the model that it was trained on as its library does: `gpt2-small` is a model of
TransformerLens, and no id on the hub. A scan of it knows the model that its activations are of, by
the name under which that was loaded here.
"""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.model.source import DEMO
from engine.sae.formats.metadata import SAEMetadata
from engine.workspace.folders import Workspace


@dataclass(frozen=True)
class ModelsAndSite:
    """What an SAE reads."""

    models: tuple[str, ...]
    """Models to load: the first that can be had is it."""
    site: str
    """Where in the model, as `engine.model.site` spells it."""
    target_site: str = ""
    """Where a transcoder's features write; empty: it is none, or that isn't known."""
    known: tuple[str, ...] = ()
    """The models that its files and its scan name."""
    dtype: str = ""
    """What the model computed in when the SAE's activations were made; empty: not known."""
    quantisation: str = ""
    """What its weights were stored in then."""


def models_and_site(
    workspace: Workspace, sae: str, metadata: SAEMetadata, model: str | None = None
) -> ModelsAndSite:
    """The models that an SAE may be tried in, the likeliest first, and its site.

    With a `model`, that one alone. Raises UserError where neither its files nor a scan tells both.
    """
    models, site = [metadata.model], metadata.site
    dtype, quantisation = metadata.model_dtype, metadata.quantisation
    catalogue = workspace.catalogue(sae)
    if catalogue.exists():
        scanned = Catalogue.open(catalogue).manifest
        site = site or scanned.site
        if not dtype:
            dtype, quantisation = scanned.model_dtype, scanned.quantisation
        # a name without an owner is as a rule a library's own, and the hub need not be asked for it
        models.insert(1 if _is_address(metadata.model) else 0, scanned.model)
    known = tuple(dict.fromkeys(each for each in models if each))
    chosen = known if model is None else (model,)
    if not (chosen and site):
        raise UserError(
            f"{sae} does not say which model and site it belongs to,"
            " so there is nothing to try it on."
        )
    return ModelsAndSite(chosen, site, metadata.target_site, known, dtype, quantisation)


def _is_address(model: str) -> bool:
    """Whether a model's name is sure to say where it is: the embedded one, a folder, or a hub id
    with its owner."""
    return model == DEMO or "/" in model or Path(model).is_dir()
