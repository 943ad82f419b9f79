"""Answers of the daemon without a daemon: its handlers on a workspace, in this process."""

from collections.abc import Callable
from typing import Any, cast

from engine.jobs.store import JobStore
from engine.service import protocol as p
from engine.service.handlers.context import Context
from engine.service.handlers.registry import handler_of
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace
from engine.workspace.notes import NoteStore
from engine.workspace.prompts import PromptStore


class Asker:
    """Asks the handlers directly; `publish` is given what they tell the front ends."""

    def __init__(
        self, workspace: Workspace, publish: Callable[[p.NewsBody], None] = lambda _: None
    ) -> None:
        database = open_database(workspace.database)
        no = cast(Any, None)  # no worker, no queue, nobody who is connected
        self.context = Context(
            workspace=workspace,
            prompts=PromptStore(database),
            notes=NoteStore(database),
            jobs=JobStore(database),
            queue=no,
            pool=no,
            session_worker=no,
            front_ends=[],
            started=0.0,
            publish=publish,
            stop=no,
            front_end=no,
            ask=1,
        )

    async def __call__(self, request: p.Request[p.R]) -> p.R:
        reply: p.R = await handler_of(request).answer(request, self.context)
        return reply
