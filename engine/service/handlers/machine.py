"""The daemon itself: how it is, how a request is given up, how it ends."""

import os
import time
from importlib.metadata import version

from engine.service import machine
from engine.service import protocol as p
from engine.service.handlers.context import Context
from engine.service.handlers.registry import on_loop


@on_loop(p.GetStatus)
def get_status(_: p.GetStatus, context: Context) -> p.Status:
    """The daemon, its workers and the machine it runs on."""
    used, total = machine.memory()
    return p.Status(
        pid=os.getpid(),
        uptime=time.monotonic() - context.started,
        version=version("brainsurg"),
        workspace=str(context.workspace.root),
        device=machine.device(),
        jobs=context.jobs.count(),
        workers=[
            p.WorkerInfo(pid=w.pid, doing=w.doing, bytes=machine.resident(w.pid))
            for w in context.pool.workers
        ],
        gpus=machine.gpus(),
        memory_used=used,
        memory_total=total,
        clients=len(context.front_ends),
    )


@on_loop(p.CancelRequest)
def cancel_request(request: p.CancelRequest, context: Context) -> p.Done:
    """Give up another request of this front end."""
    context.front_end.cancel(request.ask)
    return p.Done()


@on_loop(p.Stop)
def stop(_: p.Stop, context: Context) -> p.Done:
    """End the daemon, a moment after this is answered."""
    context.stop()
    return p.Done()
