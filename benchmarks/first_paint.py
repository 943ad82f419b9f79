"""How soon the app has painted: from the start of the process to its first full picture.

    python benchmarks/first_paint.py [runs]

Each run opens `brainsurg` on a terminal of its own, in a workspace that no engine serves, and waits
for the name of the first pane. The engine is started by the app, after that.
"""

import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time

COMMAND = [sys.executable, "-c", "from brainsurg_tui.cli import main; main()"]


def first_paint(workspace: str) -> float:
    """Seconds until the prompts pane stands on the terminal."""
    began = time.perf_counter()
    process, terminal = pty.fork()
    if process == 0:
        os.environ["BRAINSURG_WORKSPACE"] = workspace
        os.execv(sys.executable, COMMAND)
    seen = b""
    while b"Prompts" not in seen:
        seen += os.read(terminal, 65536)
    elapsed = time.perf_counter() - began
    os.close(terminal)
    os.waitpid(process, 0)
    return elapsed


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    times = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as workspace:
            times.append(first_paint(workspace))
            subprocess.run(
                [*COMMAND, "engine", "stop", "--workspace", workspace],
                check=True,
                stdout=subprocess.DEVNULL,
            )
    print(f"first paint: median {statistics.median(times):.2f} s, of {runs} runs, ", end="")
    print(f"fastest {min(times):.2f} s, slowest {max(times):.2f} s")


if __name__ == "__main__":
    main()
