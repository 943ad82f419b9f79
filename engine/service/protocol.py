"""The one list of what can be asked of the engine, and what it answers.

Front ends and workers speak to the daemon in the same way: one msgspec structure a frame,
MessagePack on a websocket over a Unix socket. A front end sends `Ask` and gets one `Answer` or
`Refusal` with the same id; what happens without being asked arrives as `News`. A worker is told
to `Run` a job or is handed a `Question`; it reports with `Report`, and ends with `Answer` or
`Refusal`.

What a front end may see of other rooms, it sees through this module: it imports nothing else.

Each request names its reply in `Reply[...]`, so that `await client.ask(ListJobs())` has a type.
"""

from typing import Any, Generic, TypeVar

import msgspec

from engine.activations.corpus import Prompt as Prompt
from engine.features.snippets import Snippet as Snippet
from engine.interventions.notation import parse_edit as parse_edit
from engine.interventions.spec import Checks as Checks
from engine.interventions.spec import ClampReport as ClampReport
from engine.interventions.spec import ClampRequest as ClampRequest
from engine.interventions.spec import EditedPrompt as EditedPrompt
from engine.interventions.spec import FeatureEdit as FeatureEdit
from engine.interventions.spec import ModelReport as ModelReport
from engine.interventions.spec import Null as Null
from engine.interventions.spec import Operation as Operation
from engine.interventions.spec import ReconstructedPrompt as ReconstructedPrompt
from engine.interventions.spec import ReconstructionReport as ReconstructionReport
from engine.interventions.spec import Unit as Unit
from engine.interventions.spec import View as View
from engine.jobs.events import ENDED as ENDED
from engine.jobs.events import Event as Event
from engine.jobs.events import JobInfo as JobInfo
from engine.jobs.events import Noted as Noted
from engine.jobs.events import Progressed as Progressed
from engine.jobs.events import StateChanged as StateChanged
from engine.jobs.specs import Capture as Capture
from engine.jobs.specs import CaptureResult as CaptureResult
from engine.jobs.specs import Evaluate as Evaluate
from engine.jobs.specs import EvaluateResult as EvaluateResult
from engine.jobs.specs import ExchangedSAE as ExchangedSAE
from engine.jobs.specs import ExportActivations as ExportActivations
from engine.jobs.specs import ExportSAE as ExportSAE
from engine.jobs.specs import FilesResult as FilesResult
from engine.jobs.specs import ImportActivations as ImportActivations
from engine.jobs.specs import ImportSAE as ImportSAE
from engine.jobs.specs import JobResult as JobResult
from engine.jobs.specs import JobSpec as JobSpec
from engine.jobs.specs import Resumable as Resumable
from engine.jobs.specs import Scan as Scan
from engine.jobs.specs import ScanResult as ScanResult
from engine.jobs.specs import Sweep as Sweep
from engine.jobs.specs import SweepResult as SweepResult
from engine.jobs.specs import SweepRun as SweepRun
from engine.jobs.specs import Train as Train
from engine.jobs.specs import TrainResult as TrainResult
from engine.jobs.specs import describe as describe
from engine.jobs.specs import how_to_go_on as how_to_go_on
from engine.model.site import SiteInfo as SiteInfo
from engine.sae.config import ARCHITECTURES as ARCHITECTURES
from engine.sae.config import COUNTING as COUNTING
from engine.sae.config import PENALISED as PENALISED
from engine.sae.density import DensityHistogram as DensityHistogram
from engine.sae.formats.libraries import Format as Format
from engine.sae.recipes import PRESETS as PRESETS
from engine.workspace.prompts import SavedPrompt as SavedPrompt

VERSION = 2
"""Changes whenever an older front end and a newer daemon would misunderstand each other."""

R = TypeVar("R")


class Reply(msgspec.Struct, Generic[R], frozen=True, kw_only=True, tag=True):
    """A request that is answered with an R."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """It is done; there is nothing to tell."""


# What is in the workspace --------------------------------------------------------------------


class ActivationsInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An activation set, as lists show it."""

    name: str
    model: str
    site: str
    d_model: int
    tokens: int
    documents: int
    dtype: str
    bytes: int
    origin: str
    """What was captured, in a sentence."""


class SAEInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A sparse autoencoder, as lists show it."""

    name: str
    arch: str
    d_in: int
    d_sae: int
    k: int | None
    model: str
    site: str
    activations: str
    metrics: dict[str, float]
    scanned: bool
    """Whether its feature catalogue has been built."""


class ActivationsSummary(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The seed's summary table of a set."""

    name: str
    prompts: int
    average_tokens: float
    d_model: int
    vectors: int


class Contents(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All that a workspace holds, but for its jobs."""

    workspace: str
    prompts: list[SavedPrompt]
    activations: list[ActivationsInfo]
    saes: list[SAEInfo]


class GetContents(Reply[Contents], frozen=True):
    """What does the workspace hold?"""


class GetSummary(Reply[ActivationsSummary], frozen=True, kw_only=True):
    """The dataset statistics of one activation set."""

    name: str


class SavePrompt(Reply[SavedPrompt], frozen=True, kw_only=True):
    """Add a prompt (id None) or change one."""

    id: int | None = None
    prompt: str
    category: str = ""


class DeletePrompt(Reply[Done], frozen=True, kw_only=True):
    """Take a prompt out of the workspace."""

    id: int


class RestorePrompts(Reply[Done], frozen=True, kw_only=True):
    """Put back the whole list as it was: what undo needs."""

    prompts: list[SavedPrompt]


class DeleteActivations(Reply[Done], frozen=True, kw_only=True):
    """Remove an activation set from disk."""

    name: str


class DeleteSAE(Reply[Done], frozen=True, kw_only=True):
    """Remove an SAE, its catalogue and its labels from disk."""

    name: str


# Features ------------------------------------------------------------------------------------


class FeatureTable(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Every feature of an SAE, column by column: small enough to be sent whole.

    A column is the bytes of a little-endian NumPy array of `features` entries.
    """

    sae: str
    activations: str
    features: int
    tokens: int
    columns: dict[str, bytes]
    dtypes: dict[str, str]
    """Column name to NumPy dtype: `{"max": "<f4", "documents": "<i4"}`."""
    labels: dict[int, str]
    categories: list[str] = []
    """Names behind the column `category`, where there is one."""


class GetFeatureTable(Reply[FeatureTable], frozen=True, kw_only=True):
    """The columns of an SAE's feature catalogue."""

    sae: str


class FeatureDetail(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is known of one feature."""

    id: int
    max: float
    mean: float
    density: float
    documents: int
    selectivity: float | None = None
    """How far it prefers one category; None where documents carry no categories."""
    category: str = ""
    """The category it prefers."""
    label: str = ""
    snippets: list[Snippet] = []
    promoted: list[str] = []
    """Tokens whose logits its direction raises most."""
    suppressed: list[str] = []


class FeatureList(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Some features in order; `matching` counts all that the filter lets through."""

    features: list[FeatureDetail]
    matching: int
    total: int


class RankFeatures(Reply[FeatureList], frozen=True, kw_only=True):
    """The first features by a column, with what is known of each."""

    sae: str
    top: int = 5
    by: str = "max"
    """A column (`max`, `mean`, `density`, `documents`, `selectivity`) or the seed's `activity`."""
    filter: str = ""
    """`density < 0.001 and label ~ city`; empty: all that are alive."""
    snippets: int = 5
    """Snippets per feature."""


class GetFeature(Reply[FeatureDetail], frozen=True, kw_only=True):
    """One feature with all its snippets."""

    sae: str
    feature: int


class LabelFeature(Reply[Done], frozen=True, kw_only=True):
    """Name a feature; an empty text takes the name away."""

    sae: str
    feature: int
    text: str


# Jobs ----------------------------------------------------------------------------------------


class JobList(msgspec.Struct, frozen=True, tag=True):
    """Jobs, oldest first."""

    jobs: list[JobInfo]


class EventList(msgspec.Struct, frozen=True, tag=True):
    """Events, oldest first."""

    events: list[Event]


class Submit(Reply[JobInfo], frozen=True, kw_only=True):
    """Queue a job."""

    spec: JobSpec


class ListJobs(Reply[JobList], frozen=True):
    """Every job of the workspace."""


class GetJob(Reply[JobInfo], frozen=True, kw_only=True):
    """One job."""

    id: int


class CancelJob(Reply[JobInfo], frozen=True, kw_only=True):
    """Stop a job: within a second if it runs, at once if it waits. A training first saves where it
    stands, unless it is asked a second time."""

    id: int


class PauseJob(Reply[JobInfo], frozen=True, kw_only=True):
    """Hold a running job between two steps; it keeps its memory, and others may run."""

    id: int


class ResumeJob(Reply[JobInfo], frozen=True, kw_only=True):
    """Let a paused job go on, or a training that has failed or was cancelled: from its newest
    checkpoint, or from the beginning where there is none."""

    id: int


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A training that has a checkpoint."""

    spec: Train
    """What it was begun with."""
    step: int
    steps: int


class GetBegun(Reply[Begun], frozen=True, kw_only=True):
    """What was a training of this name begun with, and how far is it?"""

    name: str


class GetEvents(Reply[EventList], frozen=True, kw_only=True):
    """The past of one job, or of all, after event `after`."""

    job: int | None = None
    after: int = 0


class Watch(Reply[Done], frozen=True):
    """From now on send every `Event` and `ContentsChanged` as News."""


class ContentsChanged(msgspec.Struct, frozen=True, tag=True):
    """Prompts, activation sets, SAEs, catalogues or labels are not what they were."""


# Questions that need a model: a session worker answers them ------------------------------------


class Sites(msgspec.Struct, frozen=True, tag=True):
    """The sites of a model."""

    sites: list[SiteInfo]


class GetSites(Reply[Sites], frozen=True, kw_only=True):
    """Where can this model be observed and edited?"""

    model: str


class Clamp(Reply[ClampReport], frozen=True, kw_only=True):
    """Change features and see what follows."""

    request: ClampRequest
    device: str = "auto"


class QuestionProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How far the question `ask` of this front end is."""

    ask: int
    body: Progressed | Noted


class CancelQuestion(Reply[Done], frozen=True, kw_only=True):
    """Give up question `ask` of this client."""

    ask: int


# The daemon itself -----------------------------------------------------------------------------


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process."""

    pid: int
    doing: str
    """`spare`, `session` or `job 3`."""
    bytes: int
    """Resident memory."""


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU at this moment."""

    name: str
    used: int
    """Bytes."""
    total: int
    """Bytes."""
    utilisation: int
    """Percent."""


class Status(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The daemon and the machine it runs on."""

    pid: int
    uptime: float
    """Seconds."""
    version: str
    workspace: str
    device: str
    """What `auto` means here: `cuda:0 NVIDIA …` or `cpu, 8 cores`."""
    jobs: dict[str, int]
    """State to number of jobs."""
    workers: list[WorkerInfo]
    gpus: list[Gpu]
    memory_used: int
    """Bytes of main memory in use, by everybody."""
    memory_total: int
    clients: int


class GetStatus(Reply[Status], frozen=True):
    """How is the daemon?"""


class Stop(Reply[Done], frozen=True):
    """End the daemon; running jobs are cancelled."""


Request = (
    GetContents
    | GetSummary
    | SavePrompt
    | DeletePrompt
    | RestorePrompts
    | DeleteActivations
    | DeleteSAE
    | GetFeatureTable
    | RankFeatures
    | GetFeature
    | LabelFeature
    | Submit
    | ListJobs
    | GetJob
    | CancelJob
    | PauseJob
    | ResumeJob
    | GetBegun
    | GetEvents
    | Watch
    | GetSites
    | Clamp
    | CancelQuestion
    | GetStatus
    | Stop
)

Question = GetSites | Clamp
"""Requests that a session worker answers."""

ReplyBody = (
    Done
    | Contents
    | ActivationsSummary
    | SavedPrompt
    | FeatureTable
    | FeatureList
    | FeatureDetail
    | JobInfo
    | JobList
    | Begun
    | EventList
    | Sites
    | ClampReport
    | Status
)

NewsBody = Event | ContentsChanged | QuestionProgress


# Frames ----------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first frame of every connection, from either side."""

    version: int = VERSION
    worker: str = ""
    """The token that the daemon gave to a worker at its start; empty for a front end."""
    pid: int = 0


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A request of a front end, or a question handed to a worker."""

    id: int
    request: Request


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The reply to the request with this id."""

    id: int
    body: ReplyBody


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """There is no reply, and this is why."""

    id: int
    what: str
    do: str = ""
    bug: bool = False
    """Nobody's mistake but ours; the traceback is in the log and in `trace`."""
    trace: str = ""


class News(msgspec.Struct, frozen=True, tag=True):
    """Something that a watching front end was not waiting for."""

    body: NewsBody


class Run(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: run this job, then end."""

    job: int
    spec: JobSpec


class Pause(msgspec.Struct, frozen=True, tag=True):
    """To a worker: hold between two steps."""


class Resume(msgspec.Struct, frozen=True, tag=True):
    """To a worker: go on."""


class Abandon(msgspec.Struct, frozen=True, tag=True):
    """To a worker: raise Cancelled at the next step."""


class Report(msgspec.Struct, frozen=True, tag=True):
    """From a worker: how the work goes."""

    body: Progressed | Noted


class Finished(msgspec.Struct, frozen=True, tag=True):
    """From a worker: the job is done."""

    result: JobResult


Frame = Hello | Ask | Answer | Refusal | News | Run | Pause | Resume | Abandon | Report | Finished

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Frame)


def pack(frame: Frame) -> bytes:
    """A frame as bytes."""
    return _encoder.encode(frame)


def unpack(data: bytes) -> Frame:
    """The frame in `data`; raises msgspec.ValidationError if it is none."""
    frame: Frame = _decoder.decode(data)
    return frame
