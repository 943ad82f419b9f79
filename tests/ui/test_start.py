"""What a fresh process loads before it paints."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PAINT = """
import asyncio, sys
from brainsurg_tui.app import BrainSurgery

async def connect():
    print("first picture:", *sorted({name.partition(".")[0] for name in sys.modules}))
    await asyncio.Event().wait()

async def main():
    app = BrainSurgery(connect)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()

asyncio.run(main())
"""


def test_the_first_picture_needs_neither_torch_nor_anything_else_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PAINT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "textual" in loaded
    assert not loaded & {"torch", "transformers", "numpy", "plotext", "websockets", "lark"}
