"""The one list of what can be asked of the engine, and what it answers.

Front ends and workers speak to the daemon in the same way: one msgspec structure a frame,
MessagePack on a websocket over a Unix socket. A front end sends `Ask` and gets one `Answer` or
`Refusal` with the same id; what happens without being asked arrives as `News`. A worker is told
to `Run` a job or is handed a `Question`; it reports with `Report`, and ends with `Answer` or
`Refusal`.

What a front end may see of other rooms, it sees through this module: it imports nothing else.

Each request names its reply in `Reply[...]`, so that `await client.ask(ListJobs())` has a type.
"""

from engine.activations.corpus import Prompt as Prompt
from engine.features.catalogue.argsort import ranked as ranked
from engine.features.examples.snippets import Snippet as Snippet
from engine.features.notes import Merged as Merged
from engine.features.notes import Note as Note
from engine.features.search.findings import Contrast as Contrast
from engine.features.search.findings import Contrasted as Contrasted
from engine.features.search.findings import Firing as Firing
from engine.features.search.findings import FiringFeature as FiringFeature
from engine.features.search.findings import FiringOrder as FiringOrder
from engine.features.search.findings import Relative as Relative
from engine.features.search.findings import Relatives as Relatives
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
from engine.jobs.kinds import *
from engine.model.site import SiteInfo as SiteInfo
from engine.sae.architectures.traits import ARCHITECTURES as ARCHITECTURES
from engine.sae.architectures.traits import takers as takers
from engine.sae.evaluation.density import DensityHistogram as DensityHistogram
from engine.sae.formats.libraries import Format as Format
from engine.sae.recipes import PRESETS as PRESETS
from engine.service.protocol.contents import ActivationsInfo as ActivationsInfo
from engine.service.protocol.contents import ActivationsSummary as ActivationsSummary
from engine.service.protocol.contents import Contents as Contents
from engine.service.protocol.contents import DeleteActivations as DeleteActivations
from engine.service.protocol.contents import DeletePrompt as DeletePrompt
from engine.service.protocol.contents import DeleteSAE as DeleteSAE
from engine.service.protocol.contents import GetContents as GetContents
from engine.service.protocol.contents import GetSummary as GetSummary
from engine.service.protocol.contents import RestorePrompts as RestorePrompts
from engine.service.protocol.contents import SAEInfo as SAEInfo
from engine.service.protocol.contents import SavePrompt as SavePrompt
from engine.service.protocol.exploring import FindContrast as FindContrast
from engine.service.protocol.exploring import FindFiring as FindFiring
from engine.service.protocol.exploring import GetCoactive as GetCoactive
from engine.service.protocol.exploring import GetDocument as GetDocument
from engine.service.protocol.exploring import GetNearest as GetNearest
from engine.service.protocol.exploring import GetSnippets as GetSnippets
from engine.service.protocol.exploring import Grep as Grep
from engine.service.protocol.exploring import GrepReport as GrepReport
from engine.service.protocol.exploring import GrepScore as GrepScore
from engine.service.protocol.exploring import Kind as Kind
from engine.service.protocol.exploring import SnippetList as SnippetList
from engine.service.protocol.exploring import TextSource as TextSource
from engine.service.protocol.features import AmendNote as AmendNote
from engine.service.protocol.features import Annotate as Annotate
from engine.service.protocol.features import CategoryActivity as CategoryActivity
from engine.service.protocol.features import FeatureDetail as FeatureDetail
from engine.service.protocol.features import FeatureList as FeatureList
from engine.service.protocol.features import FeatureTable as FeatureTable
from engine.service.protocol.features import GetFeature as GetFeature
from engine.service.protocol.features import GetFeatureTable as GetFeatureTable
from engine.service.protocol.features import GetNotes as GetNotes
from engine.service.protocol.features import Histogram as Histogram
from engine.service.protocol.features import LabelFeature as LabelFeature
from engine.service.protocol.features import Matches as Matches
from engine.service.protocol.features import MatchFeatures as MatchFeatures
from engine.service.protocol.features import MergeNotes as MergeNotes
from engine.service.protocol.features import NoteList as NoteList
from engine.service.protocol.features import RankFeatures as RankFeatures
from engine.service.protocol.frames import VERSION as VERSION
from engine.service.protocol.frames import Abandon as Abandon
from engine.service.protocol.frames import Answer as Answer
from engine.service.protocol.frames import Ask as Ask
from engine.service.protocol.frames import Finished as Finished
from engine.service.protocol.frames import Frame as Frame
from engine.service.protocol.frames import Hello as Hello
from engine.service.protocol.frames import News as News
from engine.service.protocol.frames import Pause as Pause
from engine.service.protocol.frames import Refusal as Refusal
from engine.service.protocol.frames import Report as Report
from engine.service.protocol.frames import Resume as Resume
from engine.service.protocol.frames import Run as Run
from engine.service.protocol.frames import pack as pack
from engine.service.protocol.frames import unpack as unpack
from engine.service.protocol.jobs import Begun as Begun
from engine.service.protocol.jobs import CancelJob as CancelJob
from engine.service.protocol.jobs import ContentsChanged as ContentsChanged
from engine.service.protocol.jobs import EventList as EventList
from engine.service.protocol.jobs import GetBegun as GetBegun
from engine.service.protocol.jobs import GetEvents as GetEvents
from engine.service.protocol.jobs import GetJob as GetJob
from engine.service.protocol.jobs import JobList as JobList
from engine.service.protocol.jobs import ListJobs as ListJobs
from engine.service.protocol.jobs import PauseJob as PauseJob
from engine.service.protocol.jobs import ResumeJob as ResumeJob
from engine.service.protocol.jobs import Submit as Submit
from engine.service.protocol.jobs import Watch as Watch
from engine.service.protocol.machine import GetStatus as GetStatus
from engine.service.protocol.machine import Gpu as Gpu
from engine.service.protocol.machine import Status as Status
from engine.service.protocol.machine import Stop as Stop
from engine.service.protocol.machine import WorkerInfo as WorkerInfo
from engine.service.protocol.questions import CancelQuestion as CancelQuestion
from engine.service.protocol.questions import Clamp as Clamp
from engine.service.protocol.questions import GetSites as GetSites
from engine.service.protocol.questions import QuestionProgress as QuestionProgress
from engine.service.protocol.questions import Sites as Sites
from engine.service.protocol.reply import Done as Done
from engine.service.protocol.reply import Reply as Reply
from engine.service.protocol.requests import NewsBody as NewsBody
from engine.service.protocol.requests import Question as Question
from engine.service.protocol.requests import ReplyBody as ReplyBody
from engine.service.protocol.requests import Request as Request
from engine.workspace.prompts import SavedPrompt as SavedPrompt
