"""Looking closer at features: other examples, relatives, and the search for features."""

from typing import Literal

import msgspec

from engine.features.examples.snippets import Snippet
from engine.features.search.findings import Contrast, Firing, FiringOrder, Relatives
from engine.model.dtypes import AUTO
from engine.model.prompt import ChatChoice
from engine.service.protocol.request import Question, Request

SnippetKind = Literal["top", "band", "silent"]


class SnippetList(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Some places of the corpus, for one feature."""

    snippets: list[Snippet]
    low: float = 0.0
    high: float = 0.0
    """The activations at the peaks lie from `low` to `high`."""
    textless: str = ""
    """Why there are none although there could be: a sentence."""


class GetSnippets(Request[SnippetList], frozen=True, kw_only=True):
    """Examples of a feature: its strongest, those of a quantile, or where it is oddly silent."""

    sae: str
    feature: int
    kind: SnippetKind = "top"
    """`top`: the strongest, one a document. `band`: a random sample of the active tokens between
    two deciles. `silent`: hard negatives, tokens like those of its strongest examples on which it
    is not active."""
    band: int = 9
    """Which tenth of its activations, from 0, the weakest, to 9."""
    radius: int | None = None
    """Tokens on either side; None: as many as the scan kept."""


class GetCoactive(Request[Relatives], frozen=True, kw_only=True):
    """Which features are active on the same tokens?"""

    sae: str
    feature: int
    most: int = 10


class GetNearest(Question[Relatives], frozen=True, kw_only=True):
    """Which features of this SAE, or of another, have the most similar decoder directions?"""

    sae: str
    feature: int
    other: str | None = None
    """Another SAE; None: this one."""
    most: int = 10
    device: str = "auto"


class GetDocument(Question[Snippet], frozen=True, kw_only=True):
    """A whole document with the feature's activation at every token, encoded anew."""

    sae: str
    feature: int
    document: int
    device: str = "auto"


# From a pattern ------------------------------------------------------------------------------


class GrepScore(msgspec.Struct, frozen=True, kw_only=True):
    """How well a feature tells where a pattern matches, in the documents whose codes were kept."""

    id: int
    label: str = ""
    precision: float
    """Share of its active tokens that lie in a match; 0 if it is never active."""
    recall: float
    """Share of the matches in which it is active on some token."""
    f1: float
    active: int
    """Active tokens."""


class GrepReport(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Where a regular expression matches, and which features know it."""

    pattern: str
    matches: int
    """Those that have a character."""
    matched_tokens: int
    """Tokens that lie in a match, if only with one of their characters."""
    tokens: int
    documents: int
    """What was looked at: the documents whose codes were kept, all of them or pieces."""
    total_documents: int
    features: list[GrepScore]
    """Best F1 first; with a feature in the request, that feature's alone."""
    hits: list[Snippet] = []
    """With a feature: matches in which it is active, strongest first,"""
    misses: list[Snippet] = []
    """matches in which it is silent,"""
    false_alarms: list[Snippet] = []
    """and places outside of every match in which it is active, strongest first."""


class Grep(Request[GrepReport], frozen=True, kw_only=True):
    """Where does a regular expression match the corpus, and which features answer there?"""

    sae: str
    pattern: str
    feature: int | None = None
    most: int = 20
    """Features, or snippets of each kind, at most."""
    ignore_case: bool = False


# From a text ---------------------------------------------------------------------------------


class FindFiring(Question[Firing], frozen=True, kw_only=True):
    """Which features fire in this text?"""

    sae: str
    prompt: str = ""
    prompt_file: str = ""
    """Instead of `prompt`: a file that holds one prompt, such as a conversation."""
    chat: ChatChoice = False
    """Put it into the tokenizer's chat template."""
    target: str | None = None
    """The next token to explain, with or without a space that leads it, whichever is likelier;
    None: the one that the model finds likeliest."""
    ablate: int = 50
    """How many to ablate for real, by turns the strongest by attribution and by activation."""
    most: int = 200
    by: FiringOrder = "effect"
    model: str | None = None
    """The model, if it isn't where the SAE or its scan says that it is."""
    model_dtype: str = AUTO
    """What it computes in; `auto`: what it did when the SAE's activations were made."""
    quantize: str = AUTO
    """What its weights are kept in; `auto`: what they were then."""
    device_map: str = ""
    """How it is spread over several devices; empty: it is on one."""
    device: str = "auto"


class TextSource(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to read: one prompt, or every document of a file."""

    text: str = ""
    file: str | None = None
    """An absolute path: a prompt file, or a corpus, see `engine.activations.any_text`."""


class FindContrast(Question[Contrast], frozen=True, kw_only=True):
    """Which features tell one text, or file, from another?"""

    sae: str
    a: TextSource
    b: TextSource
    most: int = 100
    permutations: int = 10_000
    """How often at most the documents of two files are dealt out at random, to tell the difference
    from chance; 0: never."""
    seed: int = 0
    """Seeds these deals."""
    model: str | None = None
    """The model, if it isn't where the SAE or its scan says that it is."""
    model_dtype: str = AUTO
    """What it computes in; `auto`: what it did when the SAE's activations were made."""
    quantize: str = AUTO
    """What its weights are kept in; `auto`: what they were then."""
    device_map: str = ""
    """How it is spread over several devices; empty: it is on one."""
    device: str = "auto"
