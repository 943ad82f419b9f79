"""A capture job: a model, what to read, and one activation set for each site."""

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.activations.capture.documents import capture_documents
from engine.activations.capture.prompts import capture_prompts
from engine.activations.corpus import (
    DocumentReader,
    LeftOut,
    corpus_files,
    read_documents,
    read_prompts,
)
from engine.activations.hub_dataset import stream_dataset
from engine.activations.store.manifest import Manifest, read_manifest
from engine.activations.store.row_summary import RowSummary
from engine.activations.store.unfinished import Resumption, put_sets_in_place, read_record
from engine.demo.corpus.generate import documents as demo_documents
from engine.errors import UserError
from engine.jobs.kinds import Capture, CaptureResult
from engine.jobs.kinds.capture import BOS
from engine.jobs.work.model_of_job import load_model_of_job
from engine.model.chat import chat_note, template_of_prompts
from engine.model.load import LanguageModel
from engine.model.prompt import Prompt
from engine.model.site import parse_site
from engine.progress import Progress
from engine.workspace.folders import Workspace


def capture(spec: Capture, workspace: Workspace, progress: Progress) -> CaptureResult:
    """Run the model over what is to be read, and write an activation set for each site.

    A capture that was interrupted goes on where it was saved last, with the same outcome.
    Raises UserError where the model or the text can't be had, or isn't what it was then.
    """
    folders = [workspace.activations(name) for name in spec.set_names]
    tokens, seconds = 0, 0.0
    left_out = _LeftOut(progress)
    if not (spec.resume and _is_captured(spec, workspace, folders)):
        record = read_record(workspace.capture(spec.name)) if spec.resume else None
        tokens = -record.tokens if record is not None else 0
        if record is not None:
            progress.note(f"The capture goes on at token {record.tokens:,}.")
        lm = load_model_of_job(spec.model, spec, progress).reading(prepend_bos=BOS[spec.bos])
        began = time.monotonic()
        _capture(spec, lm, workspace, folders, left_out, progress=progress)
        left_out.report()
        seconds = time.monotonic() - began
        tokens += read_manifest(folders[0]).tokens
    manifests = [read_manifest(folder) for folder in folders]
    summaries = _row_summaries(spec.set_names, manifests, progress)
    return CaptureResult(
        name=spec.name,
        sets=spec.set_names,
        model=spec.model,
        model_dtype=manifests[0].model_dtype,
        quantisation=manifests[0].quantisation,
        chat_template=manifests[0].chat_template,
        d_model=manifests[0].d_model,
        sites=spec.sites,
        tokens=manifests[0].tokens,
        documents=manifests[0].documents,
        sinks=sum(summary.counts.sink for summary in summaries.values()),
        row_summaries=summaries,
        bytes=sum(shard.bytes for manifest in manifests for shard in manifest.shards),
        seconds=seconds,
        tokens_per_second=tokens / seconds if seconds else 0.0,
        left_out=left_out.count,
    )


class _LeftOut:
    """Says which documents can't be read, and counts them."""

    NAMED = 5
    """How many are named."""

    def __init__(self, progress: Progress) -> None:
        self.count = 0
        self._progress = progress

    def __call__(self, error: UserError) -> None:
        self.count += 1
        if self.count <= self.NAMED:
            self._progress.note(f"{error.what} It is left out.")

    def report(self) -> None:
        """Say how many there were in all, where not all are named."""
        if self.count > self.NAMED:
            self._progress.note(f"{self.count} documents that can't be read were left out in all.")


def _capture(
    spec: Capture,
    lm: LanguageModel,
    workspace: Workspace,
    folders: Sequence[Path],
    left_out: LeftOut,
    *,
    progress: Progress,
) -> None:
    sites = [parse_site(site) for site in spec.sites]
    resumption = Resumption(
        workspace.capture(spec.name),
        about=msgspec.to_builtins(spec),
        identity=_files_identity(spec),
        resume=spec.resume,
        replace=spec.replace,
    )
    if spec.prompts or spec.prompt_file is not None:
        prompts = _read_prompts(spec)
        if note := chat_note(lm, template_of_prompts(lm, prompts, spec.chat_choice)):
            progress.note(note)
        capture_prompts(
            lm,
            prompts,
            sites,
            folders,
            generate=spec.generate,
            chat=spec.chat_choice,
            keep_special=spec.keep_special,
            dtype=spec.dtype,
            resumption=resumption,
            progress=progress,
        )
    else:
        capture_documents(
            lm,
            _open_documents(spec, left_out),
            sites,
            folders,
            origin=_origin(spec),
            context=spec.context,
            max_tokens=spec.max_tokens,
            dtype=spec.dtype,
            resumption=resumption,
            progress=progress,
        )


def _is_captured(spec: Capture, workspace: Workspace, folders: Sequence[Path]) -> bool:
    """Whether a capture was interrupted when its sets were whole; they are in their places then.

    Raises UserError for sets that are none of its own.
    """
    record = read_record(workspace.capture(spec.name))
    if record is not None and not record.manifests:
        return False
    if record is not None:
        put_sets_in_place(workspace.capture(spec.name), folders, replace=spec.replace)
    for folder, site in zip(folders, spec.sites, strict=True):
        manifest = read_manifest(folder)
        if _outcome(manifest) != (spec.model, site, spec.dtype):
            raise UserError(
                f"{folder} is already there, and none of this capture.", "Choose another name."
            )
    return True


def _outcome(manifest: Manifest) -> tuple[str, str, str]:
    return manifest.model, manifest.site, manifest.dtype


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


def _files_identity(spec: Capture) -> dict[str, Any]:
    """What tells whether a file of text has changed, without reading it."""
    states = {path: path.stat() for path in corpus_files([Path(text) for text in spec.texts])}
    return {f"the file {path}": [s.st_size, s.st_mtime_ns] for path, s in states.items()}


def _origin(spec: Capture) -> str:
    """A few words on what the documents are, for the manifest."""
    if spec.texts:
        return f"text of {', '.join(Path(text).name for text in spec.texts)}"
    if spec.dataset is not None:
        return f"data set {spec.dataset}"
    return "documents of the embedded model's corpus"


def _open_documents(spec: Capture, left_out: LeftOut) -> Iterator[str]:
    if spec.texts:
        return read_documents([Path(text) for text in spec.texts], left_out=left_out)
    if spec.dataset is not None:
        return stream_dataset(spec.dataset)
    if spec.demo_documents:
        written = itertools.islice(demo_documents(spec.seed), spec.demo_documents)
        numbered = enumerate(written, 1)
        return DocumentReader((text.text, n / spec.demo_documents) for n, text in numbered)
    raise UserError("There is nothing to capture.", "Give prompts, text or a data set.")
