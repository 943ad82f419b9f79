"""Which rows of an activation set an SAE of another library applies to, and what of the set isn't
what it was trained on."""

import itertools

import numpy as np
from numpy.typing import NDArray

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.tokens import TokenTable
from engine.progress import Progress
from engine.sae.formats.input_rule import InputRule, contradictions, input_rule
from engine.sae.formats.metadata import SAEMetadata


def rows_given_to(
    sae: str, metadata: SAEMetadata, acts: ActivationSet, progress: Progress
) -> tuple[InputRule, NDArray[np.bool_] | None]:
    """What the SAE's files ask for, and to which rows [rows] of a set it applies; None: to all.

    What is left out for it, and where the set is not as it asks, gets a note.
    """
    rule = input_rule(metadata)
    if rule == InputRule():
        return rule, None
    table = TokenTable(acts.folder, acts.manifest)
    bos = acts.manifest.bos_token_id
    begins_with_bos = len(acts) > 0 and bos is not None and int(table.token_ids(0, 1)[0]) == bos
    for note in contradictions(
        sae, rule, acts.folder.name, begins_with_bos=begins_with_bos, has_bos=bos is not None
    ):
        progress.note(note)
    if not rule.selects:
        return rule, None
    given = np.concatenate(
        [
            rule.applies(
                table.token_ids(first, last),
                np.arange(last - first) % (acts.manifest.context or last - first or 1),
                [*acts.manifest.start_token_ids, *acts.manifest.special_token_ids],
            )
            for first, last in itertools.pairwise(acts.document_bounds.tolist())
        ]
    )
    progress.note(
        f"As its files say, {sae} is given {rule}: {int((~given).sum()):,} of {len(given):,} tokens"
        " are left out."
    )
    return rule, given
