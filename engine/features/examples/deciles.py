"""Examples of a feature by how strongly it is active there: a tenth at a time (no torch here)."""

from engine.activations.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue, Example
from engine.features.examples.snippets import Snippet, snippet_at

DECILES = 10


def decile_examples(catalogue: Catalogue, feature: int, number: int) -> list[Example]:
    """Those of a random sample of the feature's active tokens that lie between two deciles of it.

    Strongest first; `number` is from 0, the weakest tenth, to 9. The sample has 40 tokens, so 4
    lie in each tenth, and fewer, or none, where the feature is active on fewer tokens than that.
    """
    if not 0 <= number < DECILES:
        raise UserError(
            f"There is no band {number}.", "They are 0, the weakest tenth, to 9, the strongest."
        )
    sample = catalogue.sample(feature)
    ends = [len(sample) * n // DECILES for n in (number, number + 1)]
    return sample[slice(*ends)][::-1]


def decile_snippets(
    catalogue: Catalogue, tokens: TokenTable, feature: int, number: int, *, radius: int
) -> list[Snippet]:
    """What stands around them. `tokens` is the table of the set that was scanned."""
    return [
        snippet_at(catalogue.codes, tokens, feature, example, radius=radius)
        for example in decile_examples(catalogue, feature, number)
    ]
