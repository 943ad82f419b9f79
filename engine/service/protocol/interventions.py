"""Changing a model at work, and where that can be done."""

import msgspec

from engine.interventions.screen_spec import Screening, ScreenRequest
from engine.interventions.spec import ClampReport, ClampRequest
from engine.model.site import SiteInfo
from engine.service.protocol.request import Done, Question, Request
from engine.workspace.clamps import ClampList, ClampRecord


class Sites(msgspec.Struct, frozen=True, tag=True):
    """The sites of a model."""

    sites: list[SiteInfo]
    chat_templates: list[str] = []
    """The names of its tokenizer's chat templates, the default one first; empty where it isn't
    tuned for chat."""


class GetSites(Question[Sites], frozen=True, kw_only=True):
    """Where can this model be observed and edited?"""

    model: str
    device_map: str = ""
    """How it is spread over several devices; empty: it is on one."""


class Clamp(Question[ClampReport], frozen=True, kw_only=True):
    """Change features and see what follows. The report is kept in the workspace."""

    request: ClampRequest
    device: str = "auto"


class Screen(Question[Screening], frozen=True, kw_only=True):
    """Clamp many features in turn: which of them do more than chance?"""

    request: ScreenRequest
    device: str = "auto"


class GetClamps(Request[ClampList], frozen=True, kw_only=True):
    """Which reports of clamps does the workspace keep?"""


class GetClamp(Request[ClampRecord], frozen=True, kw_only=True):
    """One of them."""

    id: int


class DeleteClamp(Request[Done], frozen=True, kw_only=True):
    """Remove one of them from disk."""

    id: int
