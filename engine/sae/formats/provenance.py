"""Which activations an SAE is made for: the one check for all that joins it with some. Torch-free.

An SAE gives figures for any vectors of its width. They mean something for those of the site that it
was made for alone, and elsewhere they are wrong without looking it.
"""

from dataclasses import dataclass

from engine.activations.store.manifest import Manifest
from engine.errors import UserError
from engine.model.dtypes import weights_words
from engine.model.site import Site, parse_site
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata


@dataclass(frozen=True)
class Provenance:
    """Where activations are from, as far as is known."""

    model: str = ""
    """As the user, or a library, calls it."""
    site: str = ""
    """As `engine.model.site` spells it."""
    width: int | None = None
    revision: str | None = None
    """The model's commit on the hub."""
    weights: str = ""
    """How the model computed, as `engine.model.dtypes.weights_words`."""


def provenance_of(manifest: Manifest) -> Provenance:
    """Where the activations of a set are from."""
    weights = weights_words(manifest.model_dtype, manifest.quantisation)
    return Provenance(manifest.model, manifest.site, manifest.d_model, manifest.revision, weights)


def input_provenance(config: SAEConfig, metadata: SAEMetadata) -> Provenance:
    """What an SAE reads."""
    weights = weights_words(metadata.model_dtype, metadata.quantisation)
    return Provenance(metadata.model, metadata.site, config.d_in, metadata.revision, weights)


def output_provenance(config: SAEConfig, metadata: SAEMetadata) -> Provenance:
    """What an SAE decodes to: what it reads, or for a transcoder what it predicts."""
    site = metadata.target_site if config.transcodes else metadata.site
    weights = weights_words(metadata.model_dtype, metadata.quantisation)
    return Provenance(metadata.model, site, config.width_out, metadata.revision, weights)


def site_written(config: SAEConfig, metadata: SAEMetadata, read: str) -> Site | None:
    """Where the features of an SAE write that `read` such a site; None where nobody knows."""
    try:
        return parse_site(metadata.target_site if config.transcodes else read)
    except UserError:  # not told, or of another library, or another version
        return None


def check_provenance(
    sae: str, wanted: Provenance, name: str, found: Provenance, *, does: str = "reads"
) -> list[str]:
    """Raise UserError unless the activations called `name` can be those that an SAE reads, or
    whatever else it `does` with them.

    Gives what the user should know where that isn't sure: activations that don't say where they are
    from, and models of two names, which may be one.
    """
    if None not in (wanted.width, found.width) and wanted.width != found.width:
        raise UserError(
            f"{sae} {does} activations {wanted.width} wide, and those of {name} are {found.width}"
            " wide."
        )
    if wanted.site and found.site and _place(wanted.site) != _place(found.site):
        raise UserError(
            f"{sae} {does} {wanted.site}, and {name} was captured at {found.site}.",
            f"Capture {wanted.site}.",
        )
    missing = [
        f"which {what}"
        for what in ("model", "site")
        if getattr(wanted, what) and not getattr(found, what)
    ]
    notes = []
    if missing:
        place = " at ".join(filter(None, (wanted.model, wanted.site)))
        notes.append(
            f"{name} does not say {' and '.join(missing)} it is of. {sae} {does} {place}: if it is"
            " of anything else, the figures mean nothing."
        )
    if wanted.model and found.model and wanted.model != found.model:
        notes.append(other_model_note(sae, wanted.model, f"{name} holds those of {found.model}"))
    elif wanted.revision and found.revision and wanted.revision != found.revision:
        notes.append(
            f"{sae} was trained on revision {wanted.revision} of {wanted.model}, and {name} holds"
            f" activations of revision {found.revision}."
        )
    if wanted.weights and found.weights and wanted.weights != found.weights:
        notes.append(
            f"{sae} was trained on activations of the model in {wanted.weights}, and {name}"
            f" holds those of the model in {found.weights}: they differ by rounding."
        )
    return notes


def other_model_note(sae: str, model: str, instead: str) -> str:
    """What to know where an SAE that was trained on a `model` meets another, which may be the same
    by another name; `instead` says how, as `it is tried in gpt2`."""
    return (
        f"{sae} was trained on activations of {model}, and {instead}: unless that is one model, the"
        " figures mean nothing."
    )


def _place(site: str) -> Site | str:
    """What is at a site: what leaves a layer is what enters the next."""
    try:
        parsed = parse_site(site)
    except UserError:  # of another library, or another version
        return site
    if parsed.kind == "resid_pre" and parsed.layer > 0:
        return Site(kind="resid_post", layer=parsed.layer - 1)
    return parsed
