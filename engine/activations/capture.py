"""Running a model over prompts or text, and storing what is observed: one set for every site."""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from torch import Tensor

from engine.activations.captured_sets import capture_sets
from engine.activations.corpus import DocumentReader
from engine.activations.corpus_windows import CorpusWindow, CorpusWindows
from engine.activations.manifest import Manifest
from engine.activations.pool_rows import PoolRows
from engine.activations.room import lack_of_room
from engine.activations.unfinished import CapturePlace, Resumption
from engine.activations.windows import (
    PASS_TOKENS,
    Window,
    checked_context,
    padded,
    passes,
    pools,
)
from engine.activations.writer import SHARD_BYTES, ActivationWriter, row_bytes
from engine.errors import UserError
from engine.model.chat import template_of_prompts
from engine.model.generate import generate as continued
from engine.model.interruptible import interruptible
from engine.model.load import LanguageModel
from engine.model.observe import observe
from engine.model.padding import note_on_padding
from engine.model.prompt import ChatChoice, Prompt
from engine.model.site import Site
from engine.model.text import decode, encode
from engine.progress import SILENT, Progress

PROMPTS_TOGETHER = 64
"""Prompts that are continued and observed together at most."""
GROUP_TOKENS = 32768
"""Tokens of prompts, with what is generated, after which a run of them ends."""
CPU_PASS_TOKENS, GPU_PASS_TOKENS = 2048, 8192
"""Tokens of a forward pass. On two cores, SmolLM2-135M reads 1,200 tokens per second and core in
passes of 2,048, and 1,010 in passes of 8,192 (bfloat16)."""
POOLED_PASSES = 16
"""Passes whose windows are sorted by length together. Of stories, in windows of 256 tokens, 3 % of
a pass is padding then, and 10 % with 4 passes."""

Writers = Mapping[Site, ActivationWriter]


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
            _about(
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
                wholes = continued(lm, group, generate) if generate else group
                windows = [Window(whole.cpu(), begins=None) for whole in wholes]
                rows = PoolRows(windows, lm, sites)
                for together in passes(windows, PASS_TOKENS):
                    rows.take(
                        together, _observed(lm, [windows[index] for index in together], sites)
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


def capture_documents(
    lm: LanguageModel,
    documents: Iterable[str],
    sites: Sequence[Site],
    folders: Sequence[Path],
    *,
    origin: str,
    context: int | None = None,
    max_tokens: int | None = None,
    pass_tokens: int | None = None,
    dtype: str = "float32",
    shard_bytes: int = SHARD_BYTES,
    resumption: Resumption | None = None,
    progress: Progress = SILENT,
) -> dict[Site, Manifest]:
    """Capture a corpus; one folder a site. `origin` says in a sentence what the documents are.

    Documents are cut into windows of `context` tokens (None: what the model allows, at most 1,024),
    see `engine.activations.windows` for what each begins with. Windows of similar length share a
    forward pass of at most `pass_tokens` tokens (None: 2,048 on a CPU and 8,192 elsewhere); the
    store keeps the documents' order, no padding.
    The whole capture ends after exactly `max_tokens` tokens a site, or with the documents.
    With `resumption`, it goes on after an interruption behind what was saved of them.

    Memory, whatever is read: beside the model, for every site, the activations of two pools of 16
    passes, and a shard; and the longest text.
    Raises UserError for an unknown site, a folder that exists, and a context the model can't read.
    """
    context = checked_context(lm, context)
    if pass_tokens is None:
        pass_tokens = CPU_PASS_TOKENS if lm.device.type == "cpu" else GPU_PASS_TOKENS
    about = _about(lm, origin=origin, context=context, dtype=dtype)
    most = shard_bytes // row_bytes(about) if max_tokens is None else max_tokens
    identity = {"how the text is read": [context, max_tokens, pass_tokens, POOLED_PASSES]}
    with capture_sets(
        lm,
        sites,
        folders,
        about,
        identity=identity,
        shard_bytes=shard_bytes,
        room_for=_least_tokens(most, documents, lm, context),
        resumption=resumption,
    ) as sets:
        done = sets.tokens
        total, warned = max_tokens, ""

        def report() -> None:
            progress("capture", done, total, "tokens")

        left = None if max_tokens is None else max_tokens - done
        windows = CorpusWindows(lm, documents, context, left, sets.begins)
        if windows.begun is not None:
            sets.reopen(windows.begun)
        with interruptible(lm, report):
            for pool in pools(windows, POOLED_PASSES * pass_tokens):
                is_first = done == 0
                read = done + sum(len(window.token_ids) for window in pool)
                total = _expected_tokens(read, windows.share, max_tokens)
                if total is not None and not warned:
                    needed = (total - done) * row_bytes(about) * len(sites)
                    warned = lack_of_room(folders[0], needed)
                    if warned:
                        progress.note(f"{warned} It will end for want of room, and can go on then.")
                rows = PoolRows(pool, lm, sites)
                for together in passes(pool, pass_tokens):
                    batch = _observed(lm, [pool[index] for index in together], sites)
                    sets.background.do(functools.partial(rows.take, together, batch))
                    done += sum(len(pool[index].token_ids) for index in together)
                    report()
                if is_first:
                    sets.background.do(rows.check_finite)
                sets.store(functools.partial(_store_pool, pool, rows), pool[-1].place_behind)
        progress("capture", done, done, "tokens")
    return sets.manifests


def _observed(
    lm: LanguageModel, windows: Sequence[Window], sites: Sequence[Site]
) -> dict[Site, Tensor]:
    """The activations [windows, longest, d_model] of one forward pass, on the model's device."""
    ids, _ = padded(windows)
    # Padding is on the right, so no mask is needed; without one, attention is faster.
    return observe(lm, ids, sites)


def _store_pool(pool: Sequence[CorpusWindow], rows: PoolRows, writers: Writers) -> None:
    for site, writer in writers.items():
        for window, acts in zip(pool, rows.of_windows[site], strict=True):
            if window.begins is not None:
                writer.begin(text=window.begins)
            writer.extend(acts, window.token_ids)


def _least_tokens(most: int, documents: Iterable[str], lm: LanguageModel, context: int) -> int:
    """The smaller one of `most`, and of what the text can have at most: a token a byte, and what
    each window begins with."""
    if not isinstance(documents, DocumentReader) or documents.size is None:
        return most
    prefix = min(len(lm.prefix_ids), context - 1)
    return min(most, documents.size * context // (context - prefix))


def _expected_tokens(read: int, share: float | None, most: int | None) -> int | None:
    """How many tokens a capture will have, as far as can be told when it has `read` so many, which
    are that `share` of the text; None where nothing is known of that."""
    if share is None:
        return most
    whole = read if share >= 1 else round(read / max(share, 1e-9))
    # an estimate should not look like a count
    rounded = whole if share >= 1 else max(read, round(whole, 2 - len(str(whole))))
    return rounded if most is None else min(rounded, most)


def _about(
    lm: LanguageModel,
    *,
    origin: str,
    context: int | None,
    dtype: str,
    chat_template: str = "",
    special_token_ids: Sequence[int] = (),
) -> Manifest:
    """What the manifests of all sites say alike."""
    return Manifest(
        model=lm.source,
        revision=lm.revision,
        site="",
        d_model=lm.d_model,
        dtype=dtype,
        model_dtype=lm.dtype_name,
        quantisation=lm.quantisation,
        tokenizer=lm.source,
        bos_token_id=lm.tokenizer.bos_token_id,
        prefix_token_ids=lm.prefix_ids,
        special_token_ids=list(special_token_ids),
        chat_template=chat_template,
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
