"""What front ends and the daemon import of these rooms brings no torch along."""

import subprocess
import sys

MODULES = [
    "engine.features.catalogue",
    "engine.features.filter",
    "engine.features.findings",
    "engine.features.rank",
    "engine.features.snippets",
    "engine.interventions.notation",
    "engine.interventions.reproduce",
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
