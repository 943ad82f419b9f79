"""`engine`: the daemon of a workspace."""

import asyncio
from typing import TYPE_CHECKING

from cyclopts import App

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.tables.engine_status import status_row, status_table
from brainsurg_tui.commands.tables.parts import show
from engine.errors import UserError
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client

app = App(name="engine", help="The engine daemon of this workspace.")

STOP_TIMEOUT = 70.0
"""Seconds in which a daemon ends after a request to stop: a training may have much to save."""


@app.command
def status(*, common: Common = Common()) -> None:
    """Say how the engine is; it is not started for that."""
    found = asyncio.run(_status(common))
    if found is None:
        common.print_result({"running": False}, lambda: print("No engine runs for this workspace."))
    else:
        answer = {"running": True, **status_row(found)}
        common.print_result(answer, lambda: show(status_table(found)))


@app.command
def stop(*, common: Common = Common()) -> None:
    """End the engine; running jobs are cancelled, queued ones wait for the next."""
    ran = asyncio.run(_stop(common))
    sentence = "The engine has ended." if ran else "No engine runs for this workspace."
    common.print_result({"stopped": ran}, lambda: print(sentence))


async def _status(common: Common) -> p.Status | None:
    client = await _attach(common)
    if client is None:
        return None
    async with client:
        return await client.ask(p.GetStatus())


async def _stop(common: Common) -> bool:
    client = await _attach(common)
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


async def _attach(common: Common) -> "Client | None":
    from engine.service.client import attach

    return await attach(common.workspace)
