"""What front ends and the daemon import of these rooms brings no torch along."""

import subprocess
import sys

MODULES = [
    "engine.features.catalogue.catalogue",
    "engine.features.filter.filter",
    "engine.features.search.findings",
    "engine.features.catalogue.rank",
    "engine.features.examples.snippets",
    "engine.interventions.notation",
    "engine.interventions.reproduction",
    "engine.interventions.spec",
]


def test_no_torch() -> None:
    program = (
        f"import sys, {', '.join(MODULES)}; print({{'torch', 'transformers'}} & {{*sys.modules}})"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (found.stdout.strip(), found.stderr) == ("set()", "")
