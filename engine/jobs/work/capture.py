"""A capture job: a model, what to read, and one activation set for each site."""

import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.activations.capture import capture_documents, capture_prompts
from engine.activations.corpus import read_documents, read_prompts
from engine.activations.hub_dataset import stream_dataset
from engine.activations.manifest import Manifest
from engine.activations.row_kinds import RowSummary
from engine.demo.corpus.generate import documents as demo_documents
from engine.errors import UserError
from engine.jobs.kinds import Capture, CaptureResult
from engine.jobs.kinds.capture import BOS
from engine.jobs.work.model_of_job import load_model_of_job
from engine.model.chat import chat_note, template_of_prompts
from engine.model.prompt import Prompt
from engine.model.site import parse_site
from engine.progress import Progress
from engine.workspace.folders import Workspace


def capture(spec: Capture, workspace: Workspace, progress: Progress) -> CaptureResult:
    """Run the model over what is to be read, and write an activation set for each site.

    Raises UserError where the model or the text can't be had.
    """
    sites = [parse_site(site) for site in spec.sites]
    names = spec.set_names
    folders = [workspace.activations(name) for name in names]
    lm = load_model_of_job(spec.model, spec, progress).reading(prepend_bos=BOS[spec.bos])
    began = time.monotonic()
    if spec.prompts or spec.prompt_file is not None:
        prompts = _read_prompts(spec)
        template = template_of_prompts(lm, prompts, spec.chat_choice)
        if note := chat_note(lm, template):
            progress.note(note)
        manifests = capture_prompts(
            lm,
            prompts,
            sites,
            folders,
            generate=spec.generate,
            chat=spec.chat_choice,
            keep_special=spec.keep_special,
            dtype=spec.dtype,
            progress=progress,
        )
    else:
        origin, documents = _open_documents(spec)
        manifests = capture_documents(
            lm,
            documents,
            sites,
            folders,
            origin=origin,
            context=spec.context,
            max_tokens=spec.max_tokens,
            dtype=spec.dtype,
            progress=progress,
        )
    summaries = _row_summaries(names, manifests.values(), progress)
    elapsed = time.monotonic() - began
    tokens = manifests[sites[0]].tokens
    return CaptureResult(
        name=spec.name,
        sets=names,
        model=spec.model,
        model_dtype=lm.dtype_name,
        quantisation=lm.quantisation,
        chat_template=manifests[sites[0]].chat_template,
        d_model=lm.d_model,
        sites=spec.sites,
        tokens=tokens,
        documents=manifests[sites[0]].documents,
        sinks=sum(summary.counts.sink for summary in summaries.values()),
        row_summaries=summaries,
        bytes=sum(shard.bytes for m in manifests.values() for shard in m.shards),
        seconds=elapsed,
        tokens_per_second=tokens / elapsed,
    )


def _row_summaries(
    names: Iterable[str], manifests: Iterable[Manifest], progress: Progress
) -> dict[str, RowSummary]:
    """What the rows of each set are, after a note on those that have sinks or NaN."""
    summaries = {}
    for name, manifest in zip(names, manifests, strict=True):
        assert manifest.row_summary is not None
        summaries[name] = manifest.row_summary
        if manifest.row_summary.sentence:
            progress.note(
                f"{name}: {manifest.row_summary.sentence} Training and figures leave them out."
            )
    return summaries


def _read_prompts(spec: Capture) -> list[Prompt]:
    prompts = list(spec.prompts)
    if spec.prompt_file is not None:
        prompts += read_prompts(Path(spec.prompt_file))
    return prompts


def _open_documents(spec: Capture) -> tuple[str, Iterator[str]]:
    """The documents, after a few words on what they are, for the manifest."""
    if spec.texts:
        files = ", ".join(Path(text).name for text in spec.texts)
        return f"text of {files}", read_documents([Path(text) for text in spec.texts])
    if spec.dataset is not None:
        return f"data set {spec.dataset}", stream_dataset(spec.dataset)
    if spec.demo_documents:
        written = itertools.islice(demo_documents(spec.seed), spec.demo_documents)
        return "documents of the embedded model's corpus", (document.text for document in written)
    raise UserError("There is nothing to capture.", "Give prompts, text or a data set.")
