"""`brainsurg` as a user types it, in processes of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-c", "from brainsurg_tui.cli import main; main()"]


class Runner:
    """Runs `brainsurg` on one workspace."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace

    def line(self, *words: object) -> list[str]:
        """The whole command line."""
        return [*PROGRAM, *map(str, words), "--workspace", str(self.workspace)]

    def __call__(self, *words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.line(*words), capture_output=True, text=True, timeout=300, check=False
        )

    def shows(self, *words: object) -> str:
        """What the command prints."""
        ran = self(*words)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def json(self, *words: object) -> dict[str, Any]:
        """The JSON document that the command prints; it must print nothing else."""
        answer: dict[str, Any] = json.loads(self.shows(*words, "--json"))
        return answer

    def fails(self, *words: object, status: int = 1) -> str:
        """The one sentence with which the command fails."""
        ran = self(*words)
        assert ran.returncode == status, ran.stdout + ran.stderr
        assert ran.stdout == ""
        assert "Traceback" not in ran.stderr
        assert ran.stderr.count("\n") == 1
        return ran.stderr
