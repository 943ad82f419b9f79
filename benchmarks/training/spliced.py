"""What a model loses with trained autoencoders in it, whichever library trained them.

Each is read from the files that its library writes, and spliced into the same text: that of the
documents which `stored` held out.
"""

from pathlib import Path

from engine.activations.batches.stored import split_documents
from engine.activations.store.activation_set import ActivationSet
from engine.jobs.kinds import Evaluate
from engine.jobs.work.stored_splice import splice_if_possible
from engine.progress import SILENT
from engine.sae.evaluation.splice import SpliceMetrics
from engine.sae.formats.libraries import MODULES, recognise


def splice_saved(folder: Path, activation_set: Path, model: str, tokens: int) -> SpliceMetrics:
    """Of the autoencoder in `folder`, in the model that the set was captured from, on so many
    tokens."""
    library, where = recognise(folder, None)
    sae = MODULES[library].read(where)[0]
    acts = ActivationSet.open(activation_set)
    _, held = split_documents(acts, 0.1, 0)
    spliced = splice_if_possible(
        sae, acts, held, Evaluate(sae=folder.name), model=model, max_tokens=tokens, progress=SILENT
    )
    assert spliced is not None  # with a model that is named there is an answer, or an error
    return spliced.metrics
