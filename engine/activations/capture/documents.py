"""Capturing a corpus: one set for every site."""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.activations.capture.captured_sets import capture_sets
from engine.activations.capture.corpus_windows import CorpusWindow, CorpusWindows
from engine.activations.capture.passes import (
    Writers,
    manifest_at,
    manifest_of,
    observe_windows,
    tokens_of_pass,
)
from engine.activations.capture.pool_rows import PoolRows
from engine.activations.capture.room import lack_of_room
from engine.activations.corpus import DocumentReader
from engine.activations.store.manifest import Manifest
from engine.activations.store.unfinished import Resumption
from engine.activations.store.writer import SHARD_BYTES, row_bytes
from engine.activations.windows import checked_context, passes, pools
from engine.model.interruptible import interruptible
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.progress import SILENT, Progress

POOLED_PASSES = 16
"""Passes whose windows are sorted by length together: the more, the less of a pass is padding. Of
stories, in windows of 256 tokens, it was 3 %, and 10 % with 4 passes (tried by hand)."""


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
        pass_tokens = tokens_of_pass(lm)
    about = manifest_of(lm, origin=origin, context=context, dtype=dtype)
    bytes_of_token = sum(row_bytes(manifest_at(lm, about, site)) for site in sites)
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
                    warned = lack_of_room(folders[0], (total - done) * bytes_of_token)
                    if warned:
                        progress.note(f"{warned} It will end for want of room, and can go on then.")
                rows = PoolRows(pool, lm, sites)
                for together in passes(pool, pass_tokens):
                    batch = observe_windows(lm, [pool[index] for index in together], sites)
                    sets.background.do(functools.partial(rows.take, together, batch))
                    done += sum(len(pool[index].token_ids) for index in together)
                    report()
                if is_first:
                    sets.background.do(rows.check_finite)
                sets.store(functools.partial(_store_pool, pool, rows), pool[-1].place_behind)
        progress("capture", done, done, "tokens")
    return sets.manifests


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
