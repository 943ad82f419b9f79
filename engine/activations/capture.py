"""Running a model over prompts or text, and storing what is observed: one set for every site."""

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from engine.activations.captured_sets import capture_sets
from engine.activations.corpus import Prompt
from engine.activations.corpus_windows import CorpusWindow, CorpusWindows
from engine.activations.manifest import Manifest
from engine.activations.unfinished import CapturePlace, Resumption
from engine.activations.windows import (
    PASS_TOKENS,
    POOLED_PASSES,
    checked_context,
    padded,
    passes,
    pools,
)
from engine.activations.writer import SHARD_BYTES, ActivationWriter
from engine.errors import UserError
from engine.model.generate import generate as continued
from engine.model.interruptible import interruptible
from engine.model.load import LanguageModel
from engine.model.observe import observe
from engine.model.site import Site
from engine.model.text import decode, encode
from engine.progress import SILENT, Progress

Writers = Mapping[Site, ActivationWriter]


def capture_prompts(
    lm: LanguageModel,
    prompts: Sequence[Prompt],
    sites: Sequence[Site],
    folders: Sequence[Path],
    *,
    generate: int = 0,
    chat: bool = False,
    dtype: str = "float32",
    shard_bytes: int = SHARD_BYTES,
    resumption: Resumption | None = None,
    progress: Progress = SILENT,
) -> dict[Site, Manifest]:
    """Capture prompts with their continuation, the seed's way; one folder a site.

    The model continues each prompt greedily by up to `generate` tokens (fewer when it ends its text
    or its context is full); then one forward pass over prompt and continuation is observed, at all
    sites at once. `chat` puts the prompt into the tokenizer's chat template.
    With `resumption`, it goes on after an interruption behind the last prompt that was saved.
    Raises UserError for an unknown site, a folder that exists, and a prompt that is too long.
    """
    origin = f"{len(prompts)} prompts"
    if generate:
        origin += f", each continued by up to {generate} tokens"
    about = _about(lm, origin=origin, context=None, dtype=dtype)
    identity = {
        "the list of prompts": hashlib.sha256(msgspec.json.encode(prompts)).hexdigest(),
        "what is done with each prompt": [generate, chat],
    }
    with capture_sets(
        lm,
        sites,
        folders,
        about,
        identity=identity,
        shard_bytes=shard_bytes,
        resumption=resumption,
    ) as sets:
        done = sets.begins.documents
        for number, prompt in enumerate(prompts[done:], done + 1):
            asked = encode(lm, prompt.prompt, chat=chat)
            room = _room(lm, asked, number)
            if room < generate:
                progress.note(f"Prompt {number} leaves room for {room} generated tokens.")
            new = min(generate, room)
            whole = continued(lm, asked[None], new)[0].cpu() if new else asked
            observed = observe(lm, whole[None], sites)
            sets.store(
                functools.partial(
                    _store_prompt, prompt, whole, decode(lm, whole[len(asked) :]), observed
                ),
                CapturePlace(documents=number),
            )
            progress("capture", number, len(prompts), "prompts")
    return sets.manifests


def _store_prompt(
    prompt: Prompt, whole: Tensor, generated: str, acts: Mapping[Site, Tensor], writers: Writers
) -> None:
    for site, writer in writers.items():
        writer.add(
            acts[site][0].cpu(),
            whole,
            text=prompt.prompt,
            category=prompt.category,
            generated=generated,
        )


def capture_documents(
    lm: LanguageModel,
    documents: Iterable[str],
    sites: Sequence[Site],
    folders: Sequence[Path],
    *,
    origin: str,
    context: int | None = None,
    max_tokens: int | None = None,
    pass_tokens: int = PASS_TOKENS,
    dtype: str = "float32",
    shard_bytes: int = SHARD_BYTES,
    resumption: Resumption | None = None,
    progress: Progress = SILENT,
) -> dict[Site, Manifest]:
    """Capture a corpus; one folder a site. `origin` says in a sentence what the documents are.

    Documents are cut into windows of `context` tokens (None: what the model allows, at most 1,024),
    see `engine.activations.windows` for what each begins with. Windows of similar length share a
    forward pass of at most `pass_tokens` tokens; the store keeps the documents' order, no padding.
    The whole capture ends after exactly `max_tokens` tokens a site, or with the documents.
    With `resumption`, it goes on after an interruption behind what was saved of them.

    Memory: beside the model, the activations of two pools of four passes for every site, and a
    shard.
    Raises UserError for an unknown site, a folder that exists, and a context the model can't read.
    """
    context = checked_context(lm, context)
    about = _about(lm, origin=origin, context=context, dtype=dtype)
    identity = {"how the text is read": [context, max_tokens, pass_tokens, POOLED_PASSES]}
    with capture_sets(
        lm,
        sites,
        folders,
        about,
        identity=identity,
        shard_bytes=shard_bytes,
        resumption=resumption,
    ) as sets:
        done = sets.tokens

        def report() -> None:
            progress("capture", done, max_tokens, "tokens")

        left = None if max_tokens is None else max_tokens - done
        windows = CorpusWindows(lm, documents, context, left, sets.begins)
        if windows.begun is not None:
            sets.reopen(windows.begun)
        with interruptible(lm, report):
            for pool in pools(windows, POOLED_PASSES * pass_tokens):
                rows = _PoolRows(pool, lm, sites)
                for together in passes(pool, pass_tokens):
                    ids, _ = padded([pool[index] for index in together])
                    # Padding is on the right, so no mask is needed; without, attention is faster.
                    batch = observe(lm, ids, sites)
                    sets.background.do(functools.partial(rows.take, together, batch))
                    done += sum(len(pool[index].token_ids) for index in together)
                    report()
                sets.store(rows.store, pool[-1].place_behind)
        progress("capture", done, done, "tokens")
    return sets.manifests


class _PoolRows:
    """The rows of a pool's windows, in the order of the windows, as the passes bring them."""

    def __init__(
        self, pool: Sequence[CorpusWindow], lm: LanguageModel, sites: Sequence[Site]
    ) -> None:
        self._pool = pool
        self._lengths = [len(window.token_ids) for window in pool]
        self._parts = {
            site: torch.split(
                torch.empty(sum(self._lengths), lm.d_model, dtype=lm.dtype), self._lengths
            )
            for site in sites
        }
        """[tokens, d_model] of every window, on the CPU."""

    def take(self, together: Sequence[int], batch: Mapping[Site, Tensor]) -> None:
        """Take up the activations [windows, tokens, d_model] of the windows of one pass."""
        for site, acts in batch.items():
            for index, window in zip(together, acts.cpu(), strict=True):
                self._parts[site][index].copy_(window[: self._lengths[index]])

    def store(self, writers: Writers) -> None:
        """Add all rows to the sets."""
        for site, writer in writers.items():
            for window, acts in zip(self._pool, self._parts[site], strict=True):
                if window.begins is not None:
                    writer.begin(text=window.begins)
                writer.extend(acts, window.token_ids)


def _about(lm: LanguageModel, *, origin: str, context: int | None, dtype: str) -> Manifest:
    """What the manifests of all sites say alike."""
    return Manifest(
        model=lm.source,
        revision=lm.revision,
        site="",
        d_model=lm.d_model,
        dtype=dtype,
        tokenizer=lm.source,
        bos_token_id=lm.tokenizer.bos_token_id,
        prefix_token_ids=lm.prefix_ids,
        origin=origin,
        context=context,
    )


def _room(lm: LanguageModel, prompt_ids: Tensor, number: int) -> int:
    """Tokens that the model can still read behind a prompt."""
    if not len(prompt_ids):
        raise UserError(f"Prompt {number} has no tokens.", "Write something in it.")
    if len(prompt_ids) > lm.context:
        raise UserError(
            f"Prompt {number} is {len(prompt_ids):,} tokens long; the model reads {lm.context:,}.",
            "Shorten it, or capture it as text.",
        )
    return lm.context - len(prompt_ids)
