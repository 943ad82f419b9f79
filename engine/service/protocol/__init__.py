"""What can be asked of the engine, what it answers, and what a front end may see of other rooms.

Front ends and workers speak to the daemon in the same way: one msgspec structure a frame,
MessagePack on a websocket over a Unix socket. A front end sends `Ask` and gets one `Answer` or
`Refusal` with the same id; what happens without being asked arrives as `News`. A worker is sent a
`RunJob`, or is handed a `Question`; it reports with `WorkProgress`, and ends with `Finished`,
`Answer` or `Refusal`.

A front end imports nothing else of the engine. This module hands on every public name of the
modules below, and has no list of its own: a new request stands in the file of its topic, a new
kind of job in `engine.jobs.kinds`.
"""

from engine.activations.store.row_summary import RowSummary as RowSummary
from engine.features.catalogue.argsort import argsort as argsort
from engine.features.columns import TableColumn as TableColumn
from engine.features.columns import filter_help as filter_help
from engine.features.columns import order_names as order_names
from engine.features.columns import table_columns as table_columns
from engine.features.examples.snippets import Snippet as Snippet
from engine.features.left_out import LeftOut as LeftOut
from engine.features.notes import MergeOutcome as MergeOutcome
from engine.features.notes import Note as Note
from engine.features.probing.findings import *
from engine.features.search.findings import *
from engine.figures import Figure as Figure
from engine.interventions.measure_notation import KL as KL
from engine.interventions.measure_notation import parse_measure as parse_measure
from engine.interventions.notation import describe_edit as describe_edit
from engine.interventions.notation import parse_edit as parse_edit
from engine.interventions.operations import Operation as Operation
from engine.interventions.operations import Unit as Unit
from engine.interventions.operations import find_operation as find_operation
from engine.interventions.operations import operations as operations
from engine.interventions.screen_spec import *
from engine.interventions.spec import *
from engine.interventions.strengths import USUAL_STRENGTHS as USUAL_STRENGTHS
from engine.jobs.events import *
from engine.jobs.kinds import *
from engine.model.dtypes import MODEL_DTYPES as MODEL_DTYPES
from engine.model.dtypes import QUANTISATIONS as QUANTISATIONS
from engine.model.dtypes import weights_words as weights_words
from engine.model.prompt import Chat as Chat
from engine.model.prompt import ChatChoice as ChatChoice
from engine.model.prompt import Message as Message
from engine.model.prompt import Prompt as Prompt
from engine.model.prompt import chat_choice as chat_choice
from engine.model.site import SiteInfo as SiteInfo
from engine.model.source import absolute_source as absolute_source
from engine.sae.evaluation.density import DensityHistogram as DensityHistogram
from engine.sae.formats.stated_figures import StatedFigures as StatedFigures
from engine.sae.recipes import PRESETS as PRESETS
from engine.sae.traits import ARCHITECTURES as ARCHITECTURES
from engine.sae.traits import takers as takers
from engine.service.protocol.contents import *
from engine.service.protocol.exploring import *
from engine.service.protocol.features import *
from engine.service.protocol.frames import *
from engine.service.protocol.interventions import *
from engine.service.protocol.jobs import *
from engine.service.protocol.machine import *
from engine.service.protocol.notes import *
from engine.service.protocol.published import *
from engine.service.protocol.request import *
from engine.workspace.clamps import ClampInfo as ClampInfo
from engine.workspace.clamps import ClampList as ClampList
from engine.workspace.clamps import ClampRecord as ClampRecord
from engine.workspace.prompts import SavedPrompt as SavedPrompt
