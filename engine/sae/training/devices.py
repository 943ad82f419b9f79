"""Whether an autoencoder can be trained on several devices at once (no torch here).

    devices = shards · parts

The features are shared out in `shards`, and every batch in `parts`.
"""

from engine.errors import UserError
from engine.sae.config import SAEConfig


def check_devices(sae: SAEConfig, batch: int, devices: int, shards: int) -> None:
    """Raise UserError unless an autoencoder can be trained on so many devices, with its features in
    so many shards."""
    if devices < 1:
        raise UserError(f"Nothing can be trained on {devices} devices.", "Choose at least one.")
    if shards < 1 or devices % shards:
        raise UserError(
            f"{devices} devices can't hold {shards} shards of the features.",
            "Choose a number of shards that divides the number of devices.",
        )
    if shards > 1 and not sae.traits.linear:
        raise UserError(
            f"The features of {sae.architecture} can't be shared out among devices.",
            "Leave --shards out, or choose another architecture.",
        )
    if sae.d_sae % shards:
        raise UserError(
            f"{sae.d_sae} features can't be shared out evenly in {shards} shards.",
            f"Choose a width that is a multiple of {shards}.",
        )
    parts = devices // shards
    if batch % parts:
        raise UserError(
            f"A batch of {batch} can't be shared out evenly among {parts} devices.",
            f"Choose one that is a multiple of {parts}.",
        )
