"""Searches for features that need a model or weights; the daemon writes the labels into them."""

from pathlib import Path

from engine.activations.any_text import read_texts
from engine.activations.batches.reading import Documents
from engine.activations.corpus import read_prompts
from engine.activations.store.row_summary import row_choice
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.examples.document import whole_document
from engine.features.search.contrast import contrast
from engine.features.search.nearest import comparison_warnings, nearest
from engine.interventions.firing import find_firing
from engine.model.chat import chat_note, template_of_prompts
from engine.sae.formats.provenance import check_provenance, input_provenance, provenance_of
from engine.service import protocol as p
from engine.service.session import Session
from engine.service.worker_handlers.registry import in_worker


@in_worker(p.FindFiring)
def find_firing_features(question: p.FindFiring, session: Session) -> p.Firing:
    """The features that fire in a text."""
    subject = session.subject(
        question.sae,
        question.device,
        question.model,
        question.model_dtype,
        quantize=question.quantize,
        device_map=question.device_map,
    )
    prompt = _prompt_of(question)
    template = template_of_prompts(subject.lm, [prompt], question.chat)
    if note := chat_note(subject.lm, template):
        session.progress.note(note)
    return find_firing(
        subject,
        prompt,
        chat=question.chat,
        target=question.target,
        ablate=question.ablate,
        most=question.most,
        by=question.by,
        progress=session.progress,
    )


@in_worker(p.FindContrast)
def find_contrast(question: p.FindContrast, session: Session) -> p.Contrast:
    """The features that tell one text, or file, from another."""
    a, b = _texts(question.a), _texts(question.b)
    subject = session.subject(
        question.sae,
        question.device,
        question.model,
        question.model_dtype,
        quantize=question.quantize,
        device_map=question.device_map,
    )
    _, metadata = session.sae(question.sae, question.device)
    return contrast(
        subject.lm,
        subject.sae,
        subject.site,
        a,
        b,
        context=metadata.context and min(metadata.context, subject.lm.context),
        sink_rule=session.sink_rule(question.sae, question.device),
        given=subject.input_rule,
        most=question.most,
        permutations=question.permutations,
        seed=question.seed,
        progress=session.progress,
    )


@in_worker(p.GetNearest)
def get_nearest(question: p.GetNearest, session: Session) -> p.Relatives:
    """The features with the most similar decoder directions."""
    sae, metadata = session.sae(question.sae, question.device)
    if question.other in (None, question.sae):
        return p.Relatives(relatives=nearest(sae, question.feature, most=question.most))
    other, others = session.load_sae_once(question.other, question.device)
    return p.Relatives(
        relatives=nearest(sae, question.feature, other, most=question.most),
        warnings=comparison_warnings(metadata, others),
    )


@in_worker(p.GetDocument)
def get_document(question: p.GetDocument, session: Session) -> p.Snippet:
    """A whole document with the feature's activation at every token, encoded anew."""
    acts = session.scanned_activations(question.sae)
    catalogue = Catalogue.open(session.workspace.existing_catalogue(question.sae))
    sae, metadata = session.sae(question.sae, question.device)
    reads = input_provenance(sae.config, metadata)
    check_provenance(question.sae, reads, acts.folder.name, provenance_of(acts.manifest))
    return whole_document(
        sae,
        acts,
        question.feature,
        question.document,
        choice=row_choice(keep_sinks=catalogue.manifest.keep_sinks),
        progress=session.progress,
    )


def _prompt_of(question: p.FindFiring) -> p.Prompt:
    """What is asked about. Raises UserError for a file that doesn't hold one prompt."""
    if not question.prompt_file:
        return p.Prompt(question.prompt)
    prompts = read_prompts(Path(question.prompt_file))
    if len(prompts) != 1:
        raise UserError(
            f"{question.prompt_file} holds {len(prompts)} prompts, and features are found in one.",
            "Give a file with one of them.",
        )
    return prompts[0]


def _texts(source: p.TextSource) -> Documents:
    """Reads a source anew each time. Raises UserError for one that names nothing, or both."""
    path = source.file
    if (path is None) == (not source.text):
        raise UserError("A side of the contrast is a text or a file.", "Give one of them.")
    if path is None:
        return lambda: [source.text]
    return lambda: read_texts(Path(path))
