"""Questions that need a model: a session worker answers them."""

import msgspec

from engine.interventions.spec import ClampReport, ClampRequest
from engine.jobs.events import Noted, Progressed
from engine.model.site import SiteInfo
from engine.service.protocol.request import Done, Request


class Sites(msgspec.Struct, frozen=True, tag=True):
    """The sites of a model."""

    sites: list[SiteInfo]


class GetSites(Request[Sites], frozen=True, kw_only=True):
    """Where can this model be observed and edited?"""

    model: str


class Clamp(Request[ClampReport], frozen=True, kw_only=True):
    """Change features and see what follows."""

    request: ClampRequest
    device: str = "auto"


class QuestionProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How far the question `ask` of this front end is."""

    ask: int
    body: Progressed | Noted


class CancelQuestion(Request[Done], frozen=True, kw_only=True):
    """Give up question `ask` of this client."""

    ask: int
