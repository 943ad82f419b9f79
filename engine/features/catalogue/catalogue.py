"""The feature catalogue: what a scan found, as a folder of arrays (no torch here).

    catalogue.json                 the manifest
    columns/NAME.npy               [features], one array a column
    histogram.npy                  [features, 64] int32, see `engine.features.catalogue.bins`
    categories/mean.npy            [categories, features] float32
    categories/density.npy         [categories, features] float32
    examples/document.npy          [features, top_k] int32, -1 where there are fewer examples
    examples/position.npy          [features, top_k] int32
    examples/value.npy             [features, top_k] float32
    examples/window.npy            [features, top_k, 2 · radius + 1] float32
    sample/document.npy            [features, 40] int32, -1 where there are fewer
    sample/position.npy            [features, 40] int32
    sample/value.npy               [features, 40] float32
    codes/                         see `engine.features.catalogue.codes`
    tokens/promoted.npy            [features, n] int32 token ids, strongest first
    tokens/suppressed.npy          [features, n] int32
    tokens/vocabulary.json         the text of every token id

Examples are in no order. `categories` are there where documents have such, `tokens` where the scan
was given a model, `codes` and `tokens` once the scan is complete. Arrays are memory-mapped: a
catalogue of a million features opens as quickly as one of ten.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.activations.store.row_summary import Count, RowSummary
from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.arrays import damaged, load_integers, load_reals
from engine.features.catalogue.bins import BINS
from engine.features.catalogue.codes import Codes
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.provenance import Provenance, check_provenance

FORMAT_VERSION = 2
_MANIFEST = "catalogue.json"
_AGAIN = "Scan the SAE again."
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for JSON that is damaged or something else."""


class CatalogueManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was scanned, and how much of it."""

    format_version: int = FORMAT_VERSION
    activations: str
    """Name of the activation set: the corpus over which every figure is taken."""
    model: str
    model_dtype: str = ""
    """What the model computed in when the set was captured; empty: unknown."""
    quantisation: str = ""
    """What its weights were stored in then, as the set's manifest has it."""
    site: str
    features: Count
    alive: Count
    """Features that were active at least once."""
    tokens: Count
    """Tokens that every figure is taken over: of text alone, or with `keep_sinks` all that are
    finite (`engine.activations.store.row_kinds`)."""
    keep_sinks: bool = False
    row_summary: RowSummary | None = None
    """Of the set: the norm beyond which an activation of this site is a sink, and how many there
    are. None in catalogues of older versions, in which sinks are counted."""
    total_tokens: Count
    """Tokens of the set, all of them."""
    documents: Count
    """Documents that were looked at."""
    text_digest: str = ""
    """`TokenTable.text_digest` of the set; empty in catalogues that were written before it."""
    active_threshold: float
    """A feature is active where its activation is above this."""
    top_k: Count
    """Examples kept for each feature, from distinct documents."""
    radius: Count
    """Tokens on either side of an example whose activations are kept."""
    categories: list[str]
    """Names behind the column `category`; empty where documents carry no categories."""
    complete: bool
    """False while the scan goes on."""


class _Version(msgspec.Struct):
    format_version: int


class Example(NamedTuple):
    """Where a feature is active: the largest activation within one document."""

    document: int
    position: int
    value: float


class Activity(NamedTuple):
    """How active a feature is in the documents of one category."""

    category: str
    mean: float
    """Over all tokens of the category, silent ones included."""
    density: float
    """Share of them on which the feature is active."""


class _Columns(dict[str, NDArray[Any]]):
    """The arrays [features] in a folder, by name. Raises UserError for one that isn't there."""

    def __init__(self, folder: Path, manifest: CatalogueManifest) -> None:
        paths = sorted(folder.glob("*.npy"))
        super().__init__((path.stem, load_reals(path, manifest.features)) for path in paths)
        self._folder = folder
        names, category = len(manifest.categories), self.get("category")
        if category is None or not len(category):
            return
        whole = category.dtype.kind in "iu"
        if not (whole and -1 <= category.min() <= category.max() < names):
            raise damaged(folder / "category.npy", f"there are {names} categories")

    def __missing__(self, name: str) -> NDArray[Any]:
        raise damaged(self._folder, f"there is no {name}.npy")


class Catalogue:
    """A scanned SAE's features.

    `columns` maps a name to a memory-mapped array [features]: `max`, `mean` and `std` (over active
    tokens), `count` (active tokens), `density` (their share of all), `documents` (distinct ones in
    which it is active), and, where documents carry categories, `selectivity` and `category` (an
    index into `manifest.categories`, -1 for a silent feature).
    """

    def __init__(self, folder: Path, manifest: CatalogueManifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.columns = _Columns(folder / "columns", manifest)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises UserError if there is no catalogue in `folder`, or one that isn't whole."""
        path = folder / _MANIFEST
        if not path.exists():
            raise UserError(f"There is no feature catalogue in {folder}.", "Scan the SAE first.")
        try:
            version = msgspec.json.decode(path.read_bytes(), type=_Version).format_version
            if version != FORMAT_VERSION:
                raise UserError(
                    f"{folder} has catalogue format {version}, "
                    f"and this program reads {FORMAT_VERSION}.",
                    _AGAIN,
                )
            manifest = msgspec.json.decode(path.read_bytes(), type=CatalogueManifest)
        except (OSError, *_UNREADABLE) as error:
            raise UserError(f"{path} can't be read: {error}.", _AGAIN) from error
        return cls(folder, manifest)

    def __len__(self) -> int:
        return self.manifest.features

    @property
    def scanned_share(self) -> float:
        """Share of the set that was looked at so far."""
        whole = self.manifest.complete or not self.manifest.total_tokens
        return 1.0 if whole else self.manifest.tokens / self.manifest.total_tokens

    def check_scanned(self, tokens: TokenTable) -> None:
        """Raises UserError if these aren't the texts that were scanned, whatever the set's name."""
        manifest = self.manifest
        counts = (len(tokens), tokens.manifest.documents)
        if counts != (manifest.total_tokens, manifest.documents):
            raise self.wrong_set_error()
        if manifest.text_digest and manifest.text_digest != tokens.text_digest:
            raise self.wrong_set_error()

    def check_reads_of(self, sae: str, metadata: SAEMetadata) -> None:
        """Raise UserError if the SAE that was scanned reads another site than that of the set: then
        no figure here is what it would be on what it reads."""
        wanted = Provenance(metadata.model, metadata.site)
        scanned = Provenance(self.manifest.model, self.manifest.site)
        try:
            check_provenance(sae, wanted, self.manifest.activations, scanned)
        except UserError as error:
            raise UserError(
                f"The catalogue is of other activations: {error.what}",
                f"Scan {sae} over a set of {metadata.site}.",
            ) from error

    def wrong_set_error(self) -> UserError:
        """The error that the set of that name is another than the one that was scanned."""
        return UserError(
            f"The activation set {self.manifest.activations!r} is not the one that was scanned.",
            _AGAIN,
        )

    def maxima(self, features: Sequence[int]) -> list[float]:
        """The largest activation of each of these features over the scanned corpus."""
        maxima: list[float] = self.columns["max"][list(features)].tolist()
        return maxima

    def examples(self, feature: int) -> list[Example]:
        """The feature's strongest examples, one a document, strongest first."""
        return [example for example, _ in self._sorted_examples(feature)]

    def window(self, feature: int, example: int) -> NDArray[np.float32]:
        """The feature's activations around its example number `example`: [2 · radius + 1].

        The example itself is in the middle; outside its document there is 0.
        """
        _, place = self._sorted_examples(feature)[example]
        window: NDArray[np.float32] = self._windows[feature, place]
        return window

    def sample(self, feature: int) -> list[Example]:
        """A random sample of the tokens on which the feature is active, weakest first: at most 40.

        All of them, where they are no more.
        """
        found = [example for example, _ in _examples(*self._sample, feature)]
        return sorted(found, key=lambda example: (example.value, example.document))

    def histogram(self, feature: int) -> NDArray[np.int32]:
        """How many of its activations lie in each bin of `engine.features.catalogue.bins`."""
        counts: NDArray[np.int32] = self._histograms[feature]
        return counts

    def activity(self, feature: int) -> list[Activity]:
        """How active it is in each category; empty where documents carry none."""
        names = self.manifest.categories
        if not names:
            return []
        means, densities = self._categories
        return [
            Activity(name, float(means[i, feature]), float(densities[i, feature]))
            for i, name in enumerate(names)
        ]

    @cached_property
    def codes(self) -> Codes | None:
        """All activations of a sample of the text; None while the scan goes on."""
        if not self.manifest.complete:
            return None
        return Codes.open(self.folder / "codes", len(self), self.manifest.documents)

    def promoted(self, feature: int) -> list[str]:
        """Tokens whose logits the feature's direction raises most; empty without a model."""
        return self._tokens("promoted", feature)

    def suppressed(self, feature: int) -> list[str]:
        """Tokens whose logits the feature's direction lowers most; empty without a model."""
        return self._tokens("suppressed", feature)

    def _sorted_examples(self, feature: int) -> list[tuple[Example, int]]:
        """Strongest first, of equal ones the earlier document; and each one's place on disk."""
        found = _examples(*self._tops, feature)
        return sorted(found, key=lambda each: (-each[0].value, each[0].document))

    def example_places(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The documents, -1 where there is none, and positions of all features' examples, in no
        order: [features, top_k] each."""
        folder, shape = self.folder / "examples", (len(self), self.manifest.top_k)
        documents = load_integers(folder / "document.npy", *shape)
        return documents, load_integers(folder / "position.npy", *shape)

    @cached_property
    def _tops(self) -> "_Places":
        values = self.folder / "examples" / "value.npy"
        return *self.example_places(), load_reals(values, len(self), self.manifest.top_k)

    @cached_property
    def _sample(self) -> "_Places":
        folder = self.folder / "sample"
        documents = load_integers(folder / "document.npy", len(self), None)
        return (
            documents,
            load_integers(folder / "position.npy", *documents.shape),
            load_reals(folder / "value.npy", *documents.shape),
        )

    @cached_property
    def _windows(self) -> NDArray[np.float32]:
        about, path = self.manifest, self.folder / "examples" / "window.npy"
        return load_reals(path, len(self), about.top_k, 2 * about.radius + 1)

    @cached_property
    def _histograms(self) -> NDArray[np.int32]:
        return load_integers(self.folder / "histogram.npy", len(self), BINS)

    @cached_property
    def _categories(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        folder, shape = self.folder / "categories", (len(self.manifest.categories), len(self))
        return load_reals(folder / "mean.npy", *shape), load_reals(folder / "density.npy", *shape)

    def token_effects(self, which: str) -> NDArray[np.int32] | None:
        """The ids of the tokens that are `promoted` or `suppressed`, strongest first:
        [features, n]; None without a model."""
        path = self.folder / "tokens" / f"{which}.npy"
        if not path.exists():
            return None
        ids = load_integers(path, len(self), None)
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self.vocabulary):
            raise damaged(path, "it names tokens that the vocabulary hasn't got")
        return ids

    @cached_property
    def vocabulary(self) -> list[str]:
        """The text of every token id of the model; only there where `token_effects` are."""
        path = self.folder / "tokens" / "vocabulary.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[str])
        except (OSError, *_UNREADABLE) as error:
            raise damaged(path, str(error)) from error

    def _tokens(self, which: Literal["promoted", "suppressed"], feature: int) -> list[str]:
        ids = self._effects[which]
        return [] if ids is None else [self.vocabulary[i] for i in ids[feature]]

    @cached_property
    def _effects(self) -> dict[str, NDArray[np.int32] | None]:
        return {which: self.token_effects(which) for which in ("promoted", "suppressed")}


def write_catalogue_manifest(folder: Path, manifest: CatalogueManifest) -> None:
    """Write `manifest` into a catalogue folder that is being made."""
    (folder / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))


_Places = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Documents, positions and values: [features, n] each."""


def _examples(
    documents: NDArray[Any], positions: NDArray[Any], values: NDArray[Any], feature: int
) -> list[tuple[Example, int]]:
    """A feature's examples, each with its place on disk."""
    rows = (array[feature].tolist() for array in (documents, positions, values))
    return [
        (Example(*where), place)
        for place, where in enumerate(zip(*rows, strict=True))
        if where[0] >= 0
    ]
