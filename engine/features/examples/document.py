"""A whole document with a feature's activation at every token."""

import torch

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.row_summary import RowChoice
from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.examples.snippets import Snippet
from engine.features.validation import check_feature
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import rows_per_block


@torch.no_grad()
def whole_document(
    sae: SparseAutoencoder,
    acts: ActivationSet,
    feature: int,
    document: int,
    *,
    choice: RowChoice = "text",
    progress: Progress = SILENT,
) -> Snippet:
    """All of a document of the set, encoded anew; 0 on tokens that are not of the `choice`, such as
    BOS and sinks, and where the feature is not active.

    Memory: blocks of 64 MiB, and the texts of the tokens.
    Raises UserError for a feature or a document that isn't there, and if the widths don't fit.
    """
    acts.check_width(sae.config.d_in)
    check_feature(feature, sae.config.d_sae)
    documents = acts.manifest.documents
    if not 0 <= document < documents:
        raise UserError(f"There is no document {document}.", f"They are 0 to {documents - 1}.")
    first, last = acts.document_bounds[document : document + 2].tolist()
    table = TokenTable(acts.folder, acts.manifest)
    token_ids = table.token_ids(first, last)
    values = torch.zeros(last - first)
    for rows in torch.split(torch.arange(first, last), rows_per_block(sae.config.d_sae)):
        progress("encode", int(rows[0]) - first, last - first, "tokens")
        here = sae.encode(acts.rows(rows).to(sae.W_dec.device))[:, feature]
        values[rows - first] = here.where(here > sae.active_threshold, 0).cpu()
    values[torch.from_numpy(~acts.measure_rows().taken(choice)[first:last])] = 0
    texts = [table.text(token_id) for token_id in token_ids.tolist()]
    peak = int(values.argmax())
    return Snippet(
        text="".join(texts),
        tokens=texts,
        activations=values.tolist(),
        peak=peak,
        document=document,
        position=peak,
    )
