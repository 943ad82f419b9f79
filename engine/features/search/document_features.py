"""What an SAE makes of documents that a model reads, with the document that every row is of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.activations.batches.observed import ObservedDocuments
from engine.activations.batches.reading import Documents
from engine.activations.store.row_summary import SinkRule
from engine.model.interruptible import interruptible
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import rows_per_block
from engine.sae.evaluation.sites import check_reads
from engine.sae.formats.input_rule import WHOLE, InputRule
from engine.sae.kernels.support import vectors_of


@dataclass(frozen=True)
class DocumentRows:
    """Some tokens of some documents, and what is active on each."""

    documents: Tensor
    """[rows] int64: index of the document, from 0; on the CPU, as `order`."""
    order: Tensor
    """[rows] int64: ascending with the place in the document."""
    x: Tensor
    """[rows, d_in]: the activations that the SAE read, on its device."""
    rows: Tensor
    """[entries] int64: the row of every active feature."""
    features: Tensor
    """[entries] int64: which feature it is."""
    acts: Tensor
    """[entries] float64: how active."""


@torch.no_grad()
def read_documents(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    site: Site,
    documents: Documents,
    *,
    context: int | None = None,
    sink_rule: SinkRule | None = None,
    given: InputRule = WHOLE,
    tick: Callable[[], None],
) -> Iterator[DocumentRows]:
    """All documents once, a block of rows at a time: text alone, and what the SAE is `given`.

    They are read as a corpus is: in windows of `context` tokens, BOS and sinks left out. The
    `sink_rule` says which norms are those of sinks; it is measured on the first of the documents
    where none is given. `tick` is called often, and may raise to end it.

    Memory: beside the model a pass of 8,192 tokens, and some blocks of 64 MiB.
    Raises UserError for a site that isn't there, and an SAE of another width.
    """
    check_reads(lm, sae.config, site)
    rules = None if sink_rule is None else {str(site): sink_rule}
    observed = ObservedDocuments(lm, documents, [site], seed=0, context=context, rules=rules)
    device, find_active = sae.W_dec.device, sae.finder()
    with interruptible(lm, tick):
        for each in observed.passes():
            applies = torch.from_numpy(
                given.applies(
                    np.asarray(each.token_ids), np.asarray(each.positions), lm.special_ids
                )
            )
            order = each.windows * lm.context + each.positions
            for block in torch.split(applies.nonzero()[:, 0], rows_per_block(sae.config.d_sae)):
                tick()
                x = each.rows[str(site)]
                x = x[block.to(x.device)].to(device)
                support, acts = find_active(x)
                yield DocumentRows(
                    documents=each.documents[block],
                    order=order[block],
                    x=x,
                    rows=vectors_of(support),
                    features=support.features.long(),
                    acts=acts.double(),
                )
