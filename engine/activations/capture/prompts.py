"""Capturing prompts and what the model continues them by: one set for every site."""

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from torch import Tensor

from engine.activations.capture.captured_sets import capture_sets
from engine.activations.capture.passes import (
    Writers,
    manifest_of,
    observe_windows,
    tokens_of_pass,
)
from engine.activations.capture.pool_rows import PoolRows
from engine.activations.store.manifest import Manifest
from engine.activations.store.unfinished import CapturePlace, Resumption
from engine.activations.store.writer import SHARD_BYTES
from engine.activations.windows import Window, passes
from engine.errors import UserError
from engine.model.chat import template_of_prompts
from engine.model.generate import generate as continue_texts
from engine.model.interruptible import interruptible
from engine.model.load import LanguageModel
from engine.model.padding import note_on_padding
from engine.model.prompt import ChatChoice, Prompt
from engine.model.site import Site
from engine.model.text import decode, encode
from engine.progress import SILENT, Progress

PROMPTS_TOGETHER = 64
"""Prompts that are continued and observed together at most."""
GROUP_TOKENS = 32768
"""Tokens of prompts, with what is generated, after which a run of them ends."""


def capture_prompts(
    lm: LanguageModel,
    prompts: Sequence[Prompt],
    sites: Sequence[Site],
    folders: Sequence[Path],
    *,
    generate: int = 0,
    chat: ChatChoice = False,
    keep_special: bool = False,
    dtype: str = "float32",
    shard_bytes: int = SHARD_BYTES,
    resumption: Resumption | None = None,
    progress: Progress = SILENT,
) -> dict[Site, Manifest]:
    """Capture prompts with their continuation, the seed's way; one folder a site.

    The model continues each prompt greedily by up to `generate` tokens (fewer when it ends its text
    or its context is full), see `engine.model.generate`; then a forward pass over prompt and
    continuation is observed, at all sites at once. Both go in batches of prompts. `chat` puts the
    prompt into the tokenizer's chat template; the special tokens of that are recorded as such,
    unless `keep_special`, so that trainings and figures leave them out.
    With `resumption`, it goes on after an interruption behind the last batch that was saved.

    Memory: beside the model, a batch of the generation, and the activations of `PROMPTS_TOGETHER`
    prompts for every site.
    Raises UserError for an unknown site, a folder that exists, and a prompt that is too long.
    """
    origin = f"{len(prompts)} prompts"
    if generate:
        origin += f", each continued by up to {generate} tokens"
        note_on_padding(lm, len(prompts), progress)
    template = template_of_prompts(lm, prompts, chat)
    if template:
        origin += f", in the chat template {template!r}"
    asked = _encode_all(lm, prompts, generate, chat, progress)
    identity = {
        "the list of prompts": hashlib.sha256(msgspec.json.encode(prompts)).hexdigest(),
        "what is done with each prompt": [generate, msgspec.to_builtins(chat)],
    }
    done = 0
    with (
        capture_sets(
            lm,
            sites,
            folders,
            manifest_of(
                lm,
                origin=origin,
                context=None,
                dtype=dtype,
                chat_template=template,
                special_token_ids=lm.special_ids if template and not keep_special else (),
            ),
            identity=identity,
            shard_bytes=shard_bytes,
            room_for=sum(len(ids) + generate for ids in asked),
            resumption=resumption,
        ) as sets,
        interruptible(lm, lambda: progress("capture", done, len(prompts), "prompts")),
    ):
        for first, last in _groups(asked, generate):
            if last > sets.begins.documents:
                group = asked[first:last]
                wholes = continue_texts(lm, group, generate) if generate else group
                windows = [Window(whole.cpu(), begins=None) for whole in wholes]
                rows = PoolRows(windows, lm, sites)
                for together in passes(windows, tokens_of_pass(lm)):
                    rows.take(
                        together, observe_windows(lm, [windows[index] for index in together], sites)
                    )
                texts = [
                    decode(lm, window.token_ids[len(ids) :])
                    for ids, window in zip(group, windows, strict=True)
                ]
                store = functools.partial(_store_prompts, prompts[first:last], windows, texts, rows)
                sets.store(store, CapturePlace(documents=last))
            done = last
        progress("capture", done, len(prompts), "prompts")
    return sets.manifests


def _encode_all(
    lm: LanguageModel,
    prompts: Sequence[Prompt],
    generate: int,
    chat: ChatChoice,
    progress: Progress,
) -> list[Tensor]:
    """The token ids of every prompt, before any is run: a prompt may be too long."""
    asked = []
    for number, prompt in enumerate(prompts, 1):
        asked.append(encode(lm, prompt, chat=chat))
        room = _room(lm, asked[-1], number)
        if room < generate:
            progress.note(f"Prompt {number} leaves room for {room} generated tokens.")
    return asked


def _groups(asked: Sequence[Tensor], generate: int) -> Iterator[tuple[int, int]]:
    """Runs of prompts that are continued and observed together, in their order: the first of each,
    and the one behind the last.

    Where a run ends depends on these prompts alone, and on how many tokens are generated.
    """
    first = tokens = 0
    for number, ids in enumerate(asked, 1):
        tokens += len(ids) + generate
        is_full = number - first == PROMPTS_TOGETHER or tokens >= GROUP_TOKENS
        if is_full or number == len(asked):
            yield first, number
            first, tokens = number, 0


def _store_prompts(
    prompts: Sequence[Prompt],
    windows: Sequence[Window],
    generated: Sequence[str],
    rows: PoolRows,
    writers: Writers,
) -> None:
    for site, writer in writers.items():
        acts_of = rows.of_windows[site]
        for prompt, window, text, acts in zip(prompts, windows, generated, acts_of, strict=True):
            writer.add(
                acts,
                window.token_ids,
                text=prompt.prompt,
                category=prompt.category,
                generated=text,
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
