"""What handlers in the daemon work with."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from engine.features.notes import Note
from engine.jobs.store import JobStore
from engine.progress import SILENT, Progress
from engine.service import protocol as p
from engine.service.front_end import FrontEnd
from engine.service.pool import Pool
from engine.service.queue import Queue
from engine.service.session_worker import SessionWorker
from engine.workspace.folders import Workspace
from engine.workspace.notes import NoteStore
from engine.workspace.prompts import PromptStore


@dataclass(frozen=True)
class Context:
    """What a handler on the daemon's loop works with."""

    workspace: Workspace
    prompts: PromptStore
    notes: NoteStore
    jobs: JobStore
    queue: Queue
    pool: Pool
    session_worker: SessionWorker
    front_ends: Collection[FrontEnd]
    """All that are connected."""
    started: float
    """When the daemon was started, as `time.monotonic` counts."""
    publish: Callable[[p.NewsBody], None]
    """Sends news to the front ends that watch."""
    stop: Callable[[], None]
    """Ends the daemon."""
    front_end: FrontEnd
    """The one that asks."""
    ask: int
    """The id of its request."""

    def publish_change(self) -> None:
        """Tell the front ends that the workspace holds something else than before."""
        self.publish(p.ContentsChanged())

    async def ask_worker(self, question: p.Question[p.R]) -> p.R:
        """The session worker's reply; the front end hears how far it is."""

        def report(body: p.Progressed | p.Noted) -> None:
            self.front_end.publish(p.QuestionProgress(ask=self.ask, body=body))

        return await self.session_worker.ask(question, report)


@dataclass(frozen=True)
class ThreadContext:
    """What a handler in a thread works with: nothing that needs the database."""

    workspace: Workspace
    notes: Mapping[int, Note]
    """Feature to what is written down about it, of the SAE that the request names."""
    progress: Progress = SILENT
    """To be called now and then: it raises Cancelled when the request is given up."""
