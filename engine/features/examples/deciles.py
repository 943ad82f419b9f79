"""Examples of a feature by how strongly it is active there, a tenth at a time (no torch here)."""

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue, Example
from engine.features.examples.snippets import Snippet, snippet_at

DECILES = 10


def decile_examples(catalogue: Catalogue, feature: int, number: int) -> list[Example]:
    """Tokens on which a feature is active, of one tenth of its activations: between two deciles.

    They are taken from the random sample of its active tokens that the scan kept. Strongest first;
    `number` is from 0, the weakest tenth, to 9. The sample has 40 tokens, so 4 lie in each tenth,
    and fewer, or none, where the feature is active on fewer tokens than that.
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
    """The text around the examples of one tenth of a feature's activations, strongest first.

    `tokens` is the table of the set that was scanned; a snippet reaches `radius` tokens to either
    side.
    """
    return [
        snippet_at(catalogue.codes, tokens, feature, example, radius=radius)
        for example in decile_examples(catalogue, feature, number)
    ]
