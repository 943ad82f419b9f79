"""Whether a feature that was asked for is there (torch-free)."""

from engine.errors import UserError


def check_feature(feature: int, features: int, sae: str = "") -> None:
    """Raise UserError unless `feature` is the number of one of an SAE's `features`.

    `sae` names the SAE in the error, where it has a name.
    """
    if not 0 <= feature < features:
        raise UserError(
            f"There is no feature {feature}.",
            f"The features{f' of {sae}' if sae else ''} are 0 to {features - 1}.",
        )
