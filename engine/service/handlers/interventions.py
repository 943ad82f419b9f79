"""Clamps: a worker makes them, and the daemon keeps their reports."""

import logging

from engine.errors import UserError
from engine.service import protocol as p
from engine.service.handlers.context import Context, ThreadContext
from engine.service.handlers.registry import in_thread, on_loop
from engine.workspace.clamps import ClampStore

log = logging.getLogger("engine")


@on_loop(p.Clamp)
async def clamp(question: p.Clamp, context: Context) -> p.ClampReport:
    """What follows when features are changed, also where the report of it can't be kept."""
    report = await context.ask_worker(question)
    try:
        ClampStore(context.workspace.clamps).save(question.request, report)
    except (OSError, UserError) as error:
        log.warning("a clamp's report is not kept: %s", error)
        reason = error.what if isinstance(error, UserError) else f"{error.strerror}."
        note = p.Noted(text=f"This report is not kept in the workspace. {reason}")
        context.front_end.publish(p.QuestionProgress(ask=context.ask, body=note))
    return report


@in_thread(p.GetClamps)
def get_clamps(_: p.GetClamps, context: ThreadContext) -> p.ClampList:
    """All reports that are kept."""
    return ClampStore(context.workspace.clamps).all()


@in_thread(p.GetClamp)
def get_clamp(request: p.GetClamp, context: ThreadContext) -> p.ClampRecord:
    """One report."""
    return ClampStore(context.workspace.clamps).get(request.id)


@on_loop(p.DeleteClamp, changes=True)
def delete_clamp(request: p.DeleteClamp, context: Context) -> p.Done:
    """Remove a report."""
    ClampStore(context.workspace.clamps).delete(request.id)
    return p.Done()
