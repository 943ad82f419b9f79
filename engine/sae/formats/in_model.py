"""Whether an autoencoder can belong to a model, by the model's configuration alone."""

import contextlib
from typing import Any

from engine.errors import UserError
from engine.model.site import Site, parse_site
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata

_AS_WIDE_AS_THE_STREAM = (
    "resid_pre",
    "attn_out",
    "mlp_in_unscaled",
    "mlp_in",
    "mlp_out",
    "resid_post",
)


def check_fits_model(config: SAEConfig, metadata: SAEMetadata) -> None:
    """Raise UserError for sites of layers that the model hasn't got, or widths that aren't its.

    Only where the model's configuration is on this machine: nothing is fetched, and nothing said
    of a model that can't be found.
    """
    model = _configuration(metadata.model)
    if model is None:
        return
    places = [("reads", metadata.site, config.d_in)]
    if config.transcodes:
        places.append(("predicts", metadata.target_site, config.width_out))
    for does, text, width in places:
        if text:
            _check(parse_site(text), does, width, metadata.model, model)


def _check(site: Site, does: str, width: int, name: str, model: Any) -> None:
    layers = getattr(model, "num_hidden_layers", None)
    if isinstance(layers, int) and site.layer >= layers:
        raise UserError(
            f"By its files this SAE {does} {site}, and {name} has layers 0 to {layers - 1}.",
            "Name the model that it was trained on with --model, or another --site.",
        )
    stream = getattr(model, "hidden_size", None)
    if site.kind in _AS_WIDE_AS_THE_STREAM and isinstance(stream, int) and width != stream:
        raise UserError(
            f"This SAE {does} activations {width} wide, and those of {name} at {site} are {stream}"
            " wide.",
            "Name the model that it was trained on with --model.",
        )


def _configuration(name: str) -> Any:
    """The configuration of a model's part that reads text, if it is on this machine."""
    if not name or name.endswith(".gguf"):
        return None
    from transformers import AutoConfig

    with contextlib.suppress(Exception):  # of files that are not ours, and a hub that is not asked
        return AutoConfig.from_pretrained(name, local_files_only=True).get_text_config()
    return None
