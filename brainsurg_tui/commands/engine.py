"""`engine`: the daemon of a workspace."""

import asyncio

from cyclopts import App

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common
from engine.errors import UserError
from engine.service import protocol as p
from engine.service.client import attach

app = App(name="engine", help="The engine daemon of this workspace.")

STOP_TIMEOUT = 70.0
"""Seconds in which a daemon ends after it was told to: a training may have much to save."""


@app.command
def status(*, common: Common | None = None) -> None:
    """Say how the engine is; it is not started for that."""
    common = common or Common()
    found = asyncio.run(_status(common))
    if found is None:
        common.tell({"running": False}, lambda: print("No engine runs for this workspace."))
    else:
        answer = {"running": True, **tables.status_row(found)}
        common.tell(answer, lambda: tables.status(found))


@app.command
def stop(*, common: Common | None = None) -> None:
    """End the engine; running jobs are cancelled, queued ones wait for the next."""
    common = common or Common()
    ran = asyncio.run(_stop(common))
    said = "The engine has ended." if ran else "No engine runs for this workspace."
    common.tell({"stopped": ran}, lambda: print(said))


async def _status(common: Common) -> p.Status | None:
    client = await attach(common.workspace)
    if client is None:
        return None
    async with client:
        return await client.ask(p.GetStatus())


async def _stop(common: Common) -> bool:
    client = await attach(common.workspace)
    if client is None:
        return False
    async with client:
        await client.ask(p.Stop())
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                async for _ in client.news():  # it hangs up when its jobs and workers have ended
                    pass
        except TimeoutError:
            raise UserError(f"The engine did not end within {STOP_TIMEOUT:.0f} seconds.") from None
    return True
