"""Requests about one SAE's feature catalogue: what may take long, and needs no database."""

from engine.progress import SILENT, Progress
from engine.service import protocol as p
from engine.service.catalogues import (
    get_feature,
    get_table,
    match_features,
    rank_features,
)
from engine.service.details import Notes
from engine.service.exploring import get_coactive, get_snippets, grep
from engine.workspace.folders import Workspace

Search = (
    p.GetFeatureTable
    | p.RankFeatures
    | p.MatchFeatures
    | p.GetFeature
    | p.GetSnippets
    | p.GetCoactive
    | p.Grep
)


def search(
    workspace: Workspace,
    notes: Notes,
    request: Search,
    progress: Progress = SILENT,
) -> p.ReplyBody:
    """The reply; `notes` are those of the SAE. May be called in any thread.

    While a pattern is looked for, `progress` is asked whether to go on. Raises UserError.
    """
    match request:
        case p.GetFeatureTable():
            return get_table(workspace, notes, request)
        case p.RankFeatures():
            return rank_features(workspace, notes, request, progress)
        case p.MatchFeatures():
            return match_features(workspace, notes, request, progress)
        case p.GetFeature():
            return get_feature(workspace, notes, request)
        case p.GetSnippets():
            return get_snippets(workspace, request)
        case p.GetCoactive():
            return get_coactive(workspace, notes, request)
        case p.Grep():
            return grep(workspace, notes, request, progress)
