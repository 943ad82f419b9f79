"""The text behind a stored set, as the model saw it when the set was captured."""

from collections.abc import Iterable, Iterator

import torch

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import read_documents_table
from engine.activations.store.tokens import TokenTable
from engine.activations.windows import Window
from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.locate import site_width
from engine.model.observe import observe
from engine.model.site import Site

TOLERANCE = 0.25
"""Distance of activations from those stored, as a share of their length, that other kernels and
half precision explain: bfloat16 makes 0.03 in five layers, another model about 1."""


def stored_windows(acts: ActivationSet, documents: Iterable[int]) -> Iterator[Window]:
    """Every window of the given documents, in their order."""
    texts = read_documents_table(acts.folder)
    table = TokenTable(acts.folder, acts.manifest)
    for index in documents:
        first, last = acts.document_bounds[index : index + 2].tolist()
        token_ids = torch.from_numpy(table.token_ids(first, last)).long()
        for number, part in enumerate(torch.split(token_ids, _context(acts))):
            if len(part):
                yield Window(part, begins=texts[index].text if number == 0 else None)


def check_is_of(acts: ActivationSet, lm: LanguageModel, site: Site, document: int) -> None:
    """Raise UserError unless `lm` gives the activations of a document's first window, about."""
    if not _gives(lm, acts, site, document):
        raise UserError(
            f"{lm.source} does not give the activations that {acts.folder.name} holds.",
            "Name the model that they were captured from.",
        )


def _gives(lm: LanguageModel, acts: ActivationSet, site: Site, document: int) -> bool:
    token_ids, stored = (part[: _context(acts)] for part in acts.document(document))
    known = len(token_ids) <= lm.context and int(token_ids.max()) < lm.vocab_size
    if not known or site_width(lm, site) != acts.d_model:
        return False
    seen = observe(lm, token_ids[None].long(), [site])[site][0].cpu()
    # sinks and what stands before a text are so large that they would rule the distance
    first = int(acts.document_bounds[document])
    of_text = torch.from_numpy(acts.measure_rows().taken()[first : first + len(token_ids)])
    stored, seen = stored[of_text], seen[of_text]
    distance = (seen.double() - stored.double()).norm()
    return bool(distance <= TOLERANCE * stored.double().norm())


def _context(acts: ActivationSet) -> int:
    return acts.manifest.context or len(acts)
