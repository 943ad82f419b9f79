"""The app in a terminal of its own, which may go away."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

from brainsurg_tui.settings import read_memory

ROOT = Path(__file__).resolve().parents[2]

RUN = """
import asyncio, sys
from pathlib import Path
from brainsurg_tui.app import BrainSurgery
from brainsurg_tui.settings import Sorting

async def connect():
    await asyncio.Event().wait()

def on_ready(app):
    app.main.features.restore(Sorting("density"))
    app.set_interval(0.002, lambda: app.refresh(layout=True))  # something to paint at all times
    Path(sys.argv[2]).touch()

BrainSurgery.on_ready = on_ready
BrainSurgery(connect, memory_path=Path(sys.argv[1]), workspace="/w").run()
"""


def test_a_terminal_that_is_closed_does_not_take_along_what_is_remembered(tmp_path: Path) -> None:
    memory, ready = tmp_path / "memory.json", tmp_path / "ready"
    ours, its = pty.openpty()
    app = subprocess.Popen(
        [sys.executable, "-c", RUN, memory, ready],
        cwd=ROOT,
        stdin=its,
        stdout=its,
        stderr=its,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    while not ready.exists() and app.poll() is None:
        time.sleep(0.01)
    os.close(its)
    os.close(ours)
    time.sleep(1)  # what is painted meanwhile comes to nothing
    app.send_signal(signal.SIGHUP)  # as the kernel does to those that the terminal controls
    app.wait(timeout=60)
    assert read_memory(memory).workspaces["/w"].tables["features"].column == "density"
