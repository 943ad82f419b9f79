"""Whether an SAE fits the places in a model that it is to be put at."""

from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.locate import site_width
from engine.model.site import Site
from engine.sae.config import SAEConfig


def check_sites(lm: LanguageModel, config: SAEConfig, site: Site, target: Site | None) -> None:
    """Raise UserError unless an SAE can read `site` of the model and write at `target`; None: it is
    no transcoder, and writes where it reads."""
    if config.transcodes and target is None:
        raise UserError(
            "The SAE is a transcoder, and its files don't tell which site it predicts.",
            "Import it again with --target-site, such as mlp_out.13.",
        )
    check_reads(lm, config, site)
    if target is not None and config.width_out != site_width(lm, target):
        raise UserError(
            f"The transcoder predicts activations of width {config.width_out}, but those of"
            f" {lm.source} at {target} are {site_width(lm, target)} wide.",
            "Choose the model that it was trained on.",
        )


def check_reads(lm: LanguageModel, config: SAEConfig, site: Site) -> None:
    """Raise UserError unless an SAE can read `site` of the model."""
    if config.d_in != site_width(lm, site):
        raise UserError(
            f"The SAE reads activations of width {config.d_in}, but those of {lm.source} at {site}"
            f" are {site_width(lm, site)} wide.",
            "Choose the model that the SAE was trained on.",
        )
