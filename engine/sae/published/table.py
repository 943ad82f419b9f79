"""The table of published autoencoders, and how its patterns are read."""

import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

_TABLE = Path(__file__).with_name("table.json")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A list that entries are from."""

    name: str
    """Whose it is, with its version."""
    date: str
    """Of that version: year and month."""
    url: str


class Pattern(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Several autoencoders of a release that are named alike.

    `{0}`, `{1}` … in a text stand for the numbers of its columns.
    """

    id: str
    path: str = ""
    """Inside the repository; empty: as the id."""
    columns: list[str] = []
    """Numbers as `0-25,30`: every combination of them, or where `zipped` the first of each, the
    second of each, and so on."""
    zipped: bool = False
    layer: str = ""
    """Empty where the id doesn't tell."""
    site: str = ""
    """The kind of site that is read, such as `resid_post`."""
    target: str = ""
    """For transcoders: the kind of site that is predicted."""
    l0: list[float] = []
    """How many features are active as the publisher says: of each in turn, or one for all."""


class Release(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Autoencoders that were published together."""

    name: str
    repository: str
    model: str
    """By its id on the hub."""
    format: str
    source: int
    """Which of the table's sources lists it."""
    saes: list[Pattern]
    library_fields: dict[str, dict[str, Any]] = {}
    """What the source tells beside the files of what its autoencoders are to be given, as in
    `SAEMetadata.library_fields`."""


class PublishedSAE(msgspec.Struct, frozen=True, kw_only=True):
    """One autoencoder."""

    name: str
    """By which it is imported: RELEASE/ID."""
    model: str
    site: str
    """Where it reads, such as `resid_post.13`; empty where that isn't known."""
    target_site: str
    """For a transcoder: what it predicts."""
    l0: float | None
    """How many features are active for a token, as the publisher says."""
    format: str
    repository: str
    path: str
    """Inside the repository."""
    source: int
    """Which of the table's sources lists it."""
    library_fields: dict[str, dict[str, Any]] = {}

    @property
    def release(self) -> str:
        """The first part of its name."""
        return self.name.partition("/")[0]

    @property
    def id(self) -> str:
        """The rest of its name."""
        return self.name.partition("/")[2]

    @property
    def layer(self) -> int | None:
        """Where it reads, if that is known."""
        layer = self.site.partition(".")[2]
        return int(layer) if layer else None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known."""

    sources: list[Source]
    releases: list[Release]

    def release(self, name: str) -> Release | None:
        """The release of this name."""
        return next((release for release in self.releases if release.name == name), None)

    @property
    def models(self) -> dict[str, int]:
        """How many autoencoders are known for each model."""
        counts: dict[str, int] = {}
        for release in self.releases:
            counts.setdefault(release.model, 0)
            counts[release.model] += sum(1 for _ in saes_of(release))
        return dict(sorted(counts.items(), key=lambda item: item[0].lower()))

    def named(self, model: str) -> list[str]:
        """The ids of the models that a user may mean by a name: with the owner or without."""
        wanted = model.lower().rstrip("/")
        known = sorted({release.model for release in self.releases}, key=str.lower)
        return [id for id in known if wanted in (id.lower(), id.lower().rpartition("/")[2])]

    def saes(self, model: str) -> list[PublishedSAE]:
        """The autoencoders of the model with this id, release by release."""
        releases = (release for release in self.releases if release.model == model)
        return [sae for release in releases for sae in saes_of(release)]


@functools.cache
def published_table() -> Table:
    """The table that ships."""
    return msgspec.json.decode(_TABLE.read_bytes(), type=Table)


def saes_of(release: Release) -> Iterator[PublishedSAE]:
    """The autoencoders of a release, in the order of its patterns."""
    for pattern in release.saes:
        for number, values in enumerate(rows(pattern)):
            layer = pattern.layer.format(*values)
            id = pattern.id.format(*values)
            path = pattern.path.format(*values) or id
            l0 = pattern.l0[0 if len(pattern.l0) == 1 else number] if pattern.l0 else None
            yield PublishedSAE(
                name=f"{release.name}/{id}",
                model=release.model,
                site=f"{pattern.site}.{layer}" if pattern.site and layer else "",
                target_site=f"{pattern.target}.{layer}" if pattern.target and layer else "",
                l0=l0,
                format=release.format,
                repository=release.repository,
                path=path,
                source=release.source,
                library_fields=release.library_fields,
            )


def rows(pattern: Pattern) -> list[tuple[str, ...]]:
    """The numbers of each autoencoder of a pattern."""
    columns = [numbers(column) for column in pattern.columns]
    if pattern.zipped:
        return list(zip(*columns, strict=True))
    return list(itertools.product(*columns))


def numbers(text: str) -> list[str]:
    """`0-2,16` as 0, 1, 2, 16."""
    found: list[str] = []
    for part in text.split(","):
        span = re.fullmatch(r"(\d+)-(\d+)", part)
        found += map(str, range(int(span[1]), int(span[2]) + 1)) if span else [part]
    return found
