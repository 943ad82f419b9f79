"""What the field has published."""

import msgspec

from engine.errors import UserError
from engine.sae.published import PublishedSAE, Source
from engine.service.protocol.request import Request

__all__ = ["GetPublished", "Published", "PublishedModel", "PublishedSAE", "Source"]


class PublishedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model for which autoencoders have been published."""

    model: str
    """Its id on the hub."""
    saes: int
    """How many are known."""


class Published(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Published autoencoders, as far as the table that ships knows them."""

    models: list[PublishedModel]
    """Those that were asked for: the one whose autoencoders are listed, or all."""
    saes: list[PublishedSAE]
    """Of the model that was asked for; none where no model was."""
    sources: list[Source]
    """The lists that the table is from; `source` of an autoencoder counts in it."""

    def of_release(self, begin: str) -> "Published":
        """Those of releases whose names begin so. UserError where there are none."""
        saes = [sae for sae in self.saes if sae.release.startswith(begin)]
        if not saes:
            known = ", ".join(dict.fromkeys(sae.release for sae in self.saes))
            raise UserError(f"There is no release {begin!r} here.", f"There are {known}.")
        return msgspec.structs.replace(self, saes=saes)


class GetPublished(Request[Published], frozen=True, kw_only=True):
    """What is published for a model? Without one: for which models is anything?"""

    model: str = ""
    """An id on the hub, with its owner or without, or a folder with such a model."""
