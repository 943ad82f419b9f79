"""The score as a record: what `--json` prints."""

import msgspec

from engine.demo.corpus.concepts import CATEGORIES


class ConceptScore(msgspec.Struct, frozen=True, kw_only=True):
    """How well single features tell one concept.

    Features and threshold were chosen on one half of the documents; figures are from the other.
    """

    concept: str
    tokens: int
    """Tokens that carry it, in both halves."""
    f1_feature: int
    threshold: float
    f1: float
    auroc_feature: int
    auroc: float
    probe_auroc: float
    """Of a linear probe that was fitted to the labels; a yardstick and no strict bound."""


class CategoryEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What clamping a category's feature made of neutral prompts."""

    category: str
    feature: int
    times_max: float
    """What it was clamped to, in units of its largest activation on the tagged documents.

    Feature and strength were chosen on other prompts than the figures below."""
    tuning_share: float
    """Share of those other prompts that it turned; the best of all that were tried."""
    turned: float
    """Share of the prompts whose continuation became this category."""
    random_turned: float | None
    """The same with matched random features, so many times their own largest activation; None
    where no feature could be matched."""
    random_features: int
    unedited: float
    """The same without an edit."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """The concept score of an SAE."""

    model: str
    site: str
    architecture: str
    d_sae: int
    k: int | None
    trained_tokens: int
    documents: int
    """Held-out documents that were tagged, half of them to choose on."""
    tokens: int
    """Tokens of these documents, BOS left out."""
    concepts: list[ConceptScore]
    unseen: list[str]
    """Concepts that are left out, because no token of one half carries them."""
    effects: list[CategoryEffect]
    prompts: int
    """Neutral prompts on which the effects were scored."""
    seconds: dict[str, float]
    """Wall time of each part."""

    def share_recovered(self, f1: float) -> float:
        """Share of the concepts that one feature tells with at least this F1."""
        return sum(c.f1 >= f1 for c in self.concepts) / len(self.concepts)

    def categories(self) -> list[ConceptScore]:
        """The scores of the concepts that are categories of text."""
        return [c for c in self.concepts if c.concept in CATEGORIES]
