"""Look at the app without an engine: `python tests/ui/show.py [empty]`.

Jobs run by themselves, a training takes twenty seconds.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from brainsurg_tui.app import BrainSurgery
from engine.service import protocol as p
from tests.ui.fake_engine import FakeEngine, World


async def work(world: World) -> None:
    """Carry out what is submitted, as the real engine would."""
    while True:
        await asyncio.sleep(0.2)
        for job in list(world.jobs.values()):
            if job.state == "queued":
                world.start(job.id)
                world.tell(job.id, p.Noted(text="The recipe decides: width 2,048, k 16."))
            elif job.state == "running":
                done = (job.progress.done if job.progress else 0) + 10
                world.report(job.id, done)
                if done >= 1000 or not isinstance(job.spec, p.Train):
                    world.finish(job.id)


def main() -> None:
    world = World(tempfile.mkdtemp(), empty="empty" in sys.argv)
    tasks: list[asyncio.Task[None]] = []

    async def connect() -> FakeEngine:
        await asyncio.sleep(0.3)
        tasks.append(asyncio.create_task(work(world)))
        return FakeEngine(world)

    BrainSurgery(connect).run()


if __name__ == "__main__":
    main()
