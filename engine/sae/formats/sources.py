"""What a user names to have an autoencoder read: a path, a published name, a place on the hub.

Torch-free but for the fetching itself.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from engine.errors import UserError
from engine.progress import Progress
from engine.sae.formats.circuit_tracer import listed_file
from engine.sae.formats.gemma_scope_names import check_one_layer
from engine.sae.formats.hub import HubPlace, fetch, hub_place
from engine.sae.formats.libraries import ALONE, library, recognise
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.naming_some import name_some
from engine.sae.formats.stated_figures import NOTHING_STATED, StatedFigures
from engine.sae.published.table import PublishedSAE, published_table, saes_of

_MOST_NAMED = 6
_READS = {
    "hook_name",
    "hf_hook_name",
    "submodule_name",
    "hookpoint",
    "hf_hook_point_in",
    "hook_point_in",
    "feature_input_hook",
}
_PREDICTS = {
    "hook_name_out",
    "hf_hook_name_out",
    "hf_hook_point_out",
    "hook_point_out",
    "feature_output_hook",
}
"""Fields of libraries that tell where an autoencoder reads, and what it predicts: kept where they
name a place that we have no site for."""


@dataclass(frozen=True)
class Located:
    """An autoencoder on this machine, and what is known of it besides what its files tell."""

    path: Path
    """The folder or the file."""
    format: str | None
    """None: by what its files are."""
    origin: str
    """Where it was: the path, or owner/name/folder@commit."""
    published: PublishedSAE | None = None

    @property
    def stated(self) -> StatedFigures:
        """What the list of published ones says of how good it is."""
        if self.published is None or self.published.l0 is None:
            return NOTHING_STATED
        source = published_table().sources[self.published.source]
        return StatedFigures(
            figures={"l0": self.published.l0},
            where=f"the list of {source.name} ({source.date})",
            protocol="What it was measured on isn't said there.",
        )

    def with_what_is_known(self, metadata: SAEMetadata) -> SAEMetadata:
        """What its files tell, with what the table of published ones tells where they don't."""
        if self.published is None:
            return metadata
        known = self.published
        told = {name for fields in metadata.library_fields.values() for name in fields}
        site, target_site = metadata.site, metadata.target_site
        # a place that is told and that we have no site for is no other
        if not told & _READS:
            site = site or known.site
        if not told & _PREDICTS:
            target_site = target_site or known.target_site
        return msgspec.structs.replace(
            metadata,
            model=metadata.model or known.model,
            site=site,
            target_site=target_site,
            published_as=known.name,
            library_fields={
                format: known.library_fields.get(format, {})
                | metadata.library_fields.get(format, {})
                for format in {**known.library_fields, **metadata.library_fields}
            },
        )


def is_path(source: str) -> bool:
    """Whether a source is a path on this machine: specs have them absolute."""
    return source.startswith("/")


def check_source(source: str, format: str | None, layer: int | None) -> None:
    """Raise UserError for a source that can't be found, as far as can be seen without the hub."""
    if is_path(source):
        if not listed_file(Path(source), layer):
            recognise(Path(source), format, layer)
    elif (published := published_sae(source)) is None:
        check_one_layer(str(hub_place(source)))
    elif format not in (None, published.format):
        raise UserError(f"{source} is in the format {published.format}, and not {format}.")


def locate(
    source: str, format: str | None, progress: Progress, *, layer: int | None = None
) -> Located:
    """Find the autoencoder that `source` names, and download it where it is on the hub.

    A source is an absolute path, RELEASE/ID of the table of published ones, or what `hub_place`
    reads. UserError, which says what is missing, where it can't be had; nothing is written then but
    what of it the hub's cache has got, with which the next download goes on.
    """
    if is_path(source):
        if listed := listed_file(Path(source), layer):
            return _fetched(hub_place(listed), None, progress, layer)
        return Located(Path(source), format, source)
    published = published_sae(source)
    if published is None:
        return _fetched(hub_place(source), format, progress, layer)
    found = _fetched(place_of(published), published.format, progress, layer)
    return replace(found, published=published)


def published_sae(source: str) -> PublishedSAE | None:
    """What RELEASE/ID names; None for what begins with the name of no release.

    UserError for one that the release hasn't got, which names some that it has.
    """
    name, _, id = source.partition("/")
    release = published_table().release(name)
    if release is None:
        return None
    saes = list(saes_of(release))
    found = next((sae for sae in saes if sae.name == source), None)
    if found is None:
        ids = [sae.id for sae in saes]
        near = [one for one in ids if id and id in one] or ids
        raise UserError(
            f"The release {name} has no {id!r}; it has {name_some(near, _MOST_NAMED)}.",
            f"`brainsurg published {saes[0].model}` lists them.",
        )
    return found


def place_of(published: PublishedSAE) -> HubPlace:
    """Where on the hub a published autoencoder is."""
    return HubPlace(published.repository, published.path, is_file=published.format in ALONE)


def _fetched(place: HubPlace, format: str | None, progress: Progress, layer: int | None) -> Located:
    if format is not None:
        library(format)
    found = fetch(place, format, progress, layer=layer)
    return Located(found.path, found.format, str(found.place))
