"""Who is compared with whom. No torch here."""

from collections.abc import Sequence

OURS = "ours"
PROGRAMS = {
    OURS: "benchmarks.dashboards.ours",
    "saedashboard": "benchmarks.dashboards.peers.saedashboard",
    "sae_vis": "benchmarks.dashboards.peers.saevis",
}
"""Each module has `run(request)`, which works in the current directory."""

ONCE = ("sae_vis",)
"""Takes many minutes, and runs in the last round alone."""


def contestants(only: Sequence[str]) -> list[str]:
    """Ours and the peers; of these, those in `only` if any is named."""
    return [name for name in PROGRAMS if name == OURS or not only or name in only]
