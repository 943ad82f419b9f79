"""Requests that name their answer, so that `await client.ask(ListJobs())` has a type."""

from typing import Generic, TypeVar

import msgspec

R = TypeVar("R")


class Request(msgspec.Struct, Generic[R], frozen=True, kw_only=True, tag=True):
    """A request that is answered with an R."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """It is done; there is nothing to tell."""
