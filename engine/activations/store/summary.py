"""The dataset's statistics, as the seed's table has them. Torch-free."""

import msgspec

from engine.activations.store.manifest import Manifest


class Summary(msgspec.Struct, frozen=True):
    """The figures of one activation set."""

    prompts: int
    """Prompts or documents."""
    average_tokens: float
    """Tokens a prompt, generated ones included."""
    d_model: int
    """Width of an activation vector."""
    vectors: int
    """Activation vectors: one a token."""


def summarise(manifest: Manifest) -> Summary:
    """The statistics of the set that `manifest` describes."""
    return Summary(
        prompts=manifest.documents,
        average_tokens=manifest.tokens / max(1, manifest.documents),
        d_model=manifest.d_model,
        vectors=manifest.tokens,
    )
