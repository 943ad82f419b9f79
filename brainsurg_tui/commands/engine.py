"""`engine`: the daemon of a workspace."""

import asyncio
from typing import TYPE_CHECKING

import msgspec
from cyclopts import App

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.tables.engine_status import status_row, status_table
from brainsurg_tui.commands.tables.parts import show
from brainsurg_tui.widgets.visible import visible
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
    from engine.service.holder import living_holder

    found = asyncio.run(_status(common))
    if found is not None:
        answer = {"running": True, **status_row(found)}
        common.print_result(answer, lambda: show(status_table(found)))
    elif (holder := living_holder(common.workspace)) is not None:
        sentence = f"An engine serves this workspace and can't be reached from here: {holder}."
        row = {"running": True, "reachable": False, **msgspec.to_builtins(holder)}
        common.print_result(row, lambda: print(visible(sentence)))
    else:
        common.print_result({"running": False}, lambda: print("No engine runs for this workspace."))


@app.command
def stop(*, common: Common = Common()) -> None:
    """End the engine; running jobs are cancelled, queued ones wait for the next."""
    from engine.service.holder import end_holder

    try:
        ran = asyncio.run(_stop(common))
    except UserError:  # it does not answer, or is of another version
        ran = False
    ran = ran or end_holder(common.workspace)
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
