"""All that can be asked, and all that is answered."""

from engine.features.examples.snippets import Snippet
from engine.features.notes import Merged, Note
from engine.features.search.findings import Contrast, Firing, Relatives
from engine.interventions.spec import ClampReport
from engine.jobs.events import Event, JobInfo
from engine.service.protocol.contents import (
    ActivationsSummary,
    Contents,
    DeleteActivations,
    DeletePrompt,
    DeleteSAE,
    GetContents,
    GetSummary,
    RestorePrompts,
    SavePrompt,
)
from engine.service.protocol.exploring import (
    FindContrast,
    FindFiring,
    GetCoactive,
    GetDocument,
    GetNearest,
    GetSnippets,
    Grep,
    GrepReport,
    SnippetList,
)
from engine.service.protocol.features import (
    AmendNote,
    Annotate,
    FeatureDetail,
    FeatureList,
    FeatureTable,
    GetFeature,
    GetFeatureTable,
    GetNotes,
    LabelFeature,
    Matches,
    MatchFeatures,
    MergeNotes,
    NoteList,
    RankFeatures,
)
from engine.service.protocol.jobs import (
    Begun,
    CancelJob,
    ContentsChanged,
    EventList,
    GetBegun,
    GetEvents,
    GetJob,
    JobList,
    ListJobs,
    PauseJob,
    ResumeJob,
    Submit,
    Watch,
)
from engine.service.protocol.machine import GetStatus, Status, Stop
from engine.service.protocol.questions import (
    CancelQuestion,
    Clamp,
    GetSites,
    QuestionProgress,
    Sites,
)
from engine.service.protocol.reply import Done
from engine.workspace.prompts import SavedPrompt

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
    | Annotate
    | AmendNote
    | GetNotes
    | MergeNotes
    | MatchFeatures
    | GetSnippets
    | GetCoactive
    | Grep
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
    | GetNearest
    | GetDocument
    | FindFiring
    | FindContrast
    | CancelQuestion
    | GetStatus
    | Stop
)

Question = GetSites | Clamp | GetNearest | GetDocument | FindFiring | FindContrast
"""Requests that a session worker answers."""

ReplyBody = (
    Done
    | Contents
    | ActivationsSummary
    | SavedPrompt
    | FeatureTable
    | FeatureList
    | FeatureDetail
    | Matches
    | Note
    | NoteList
    | Merged
    | SnippetList
    | Relatives
    | GrepReport
    | Firing
    | Contrast
    | Snippet
    | JobInfo
    | JobList
    | Begun
    | EventList
    | Sites
    | ClampReport
    | Status
)

NewsBody = Event | ContentsChanged | QuestionProgress
