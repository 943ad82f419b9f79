"""The SAE to be scored: a saved one, or one trained as the recommended demo trains it."""

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.demo.corpus.generate import documents
from engine.errors import UserError
from engine.model.load import LanguageModel, load_model
from engine.model.locate import all_sites
from engine.model.site import Site, parse_site
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.store import load_sae
from engine.sae.recipes import recipe
from engine.sae.training.loop import train


@dataclass(frozen=True)
class Subject:
    """An SAE and what it was trained on."""

    lm: LanguageModel
    sae: SparseAutoencoder
    site: Site
    trained_tokens: int


def open_subject(folder: Path) -> Subject:
    """The SAE in `folder`, with the model and the site that it names; UserError if it is none."""
    sae, metadata = load_sae(folder)
    if not (metadata.model and metadata.site):
        raise UserError(
            f"{folder} does not say which model and site it reads.",
            "Score an SAE that was trained here, on the embedded model.",
        )
    lm = load_model(metadata.model, device="cpu")
    return Subject(lm, sae, parse_site(metadata.site), metadata.trained_tokens)


def train_subject(
    model: str,
    site: str | None,
    *,
    documents_read: int,
    architecture: str,
    width: int,
    k: int,
    tokens: int,
    seed: int,
    progress: Progress,
) -> Subject:
    """An SAE of training documents.

    `site` None is the middle one of the residual stream, as in `brainsurg demo`.
    """
    lm = load_model(model, device="cpu")
    where = parse_site(site or middle_site(lm))
    with tempfile.TemporaryDirectory() as folder:
        captured = Path(folder) / "activations"
        texts = (d.text for d in itertools.islice(documents(seed), documents_read))
        capture_documents(
            lm, texts, [where], [captured], origin="generated documents", progress=progress
        )
        acts = ActivationSet.open(captured)
        config, training = recipe(
            architecture, acts.d_model, len(acts), width=width, k=k, tokens=tokens, seed=seed
        )
        result = train(config, training, acts, progress=progress)
    return Subject(lm, result.sae, where, result.tokens)


def middle_site(lm: LanguageModel) -> str:
    """The residual stream after the middle layer."""
    after = [info.site for info in all_sites(lm) if info.site.startswith("resid_post.")]
    return after[len(after) // 2]
