"""Running a model over prompts or text, and storing what is observed: one set for every site."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from engine.activations.manifest import Manifest
from engine.activations.windows import (
    PASS_TOKENS,
    POOLED_PASSES,
    Window,
    checked_context,
    cut_documents,
    padded,
    passes,
    pools,
)
from engine.activations.writer import ActivationWriter
from engine.errors import UserError
from engine.model.chat import template_of_prompts
from engine.model.generate import generate as continued
from engine.model.load import LanguageModel
from engine.model.locate import check_site
from engine.model.observe import observe
from engine.model.prompt import ChatChoice, Prompt
from engine.model.site import Site
from engine.model.text import decode, encode, vocabulary
from engine.progress import SILENT, Progress

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
    progress: Progress = SILENT,
) -> dict[Site, Manifest]:
    """Capture prompts with their continuation, the seed's way; one folder a site.

    The model continues each prompt greedily by up to `generate` tokens (fewer when it ends its text
    or its context is full); then one forward pass over prompt and continuation is observed, at all
    sites at once. `chat` puts the prompt into the tokenizer's chat template; the special tokens of
    that are recorded as such, unless `keep_special`, so that trainings and figures leave them out.
    Raises UserError for an unknown site, a folder that exists, and a prompt that is too long.
    """
    origin = f"{len(prompts)} prompts"
    if generate:
        origin += f", each continued by up to {generate} tokens"
    template = template_of_prompts(lm, prompts, chat)
    if template:
        origin += f", in the chat template {template!r}"
    special = lm.special_ids if template and not keep_special else []
    with _writers(
        lm,
        sites,
        folders,
        origin=origin,
        context=None,
        dtype=dtype,
        chat_template=template,
        special_token_ids=special,
    ) as writers:
        for number, prompt in enumerate(prompts, 1):
            asked = encode(lm, prompt, chat=chat)
            room = _room(lm, asked, number)
            if room < generate:
                progress.note(f"Prompt {number} leaves room for {room} generated tokens.")
            new = min(generate, room)
            whole = continued(lm, asked[None], new)[0].cpu() if new else asked
            observed = observe(lm, whole[None], sites)
            for site, writer in writers.items():
                writer.add(
                    observed[site][0].cpu(),
                    whole,
                    text=prompt.prompt,
                    category=prompt.category,
                    generated=decode(lm, whole[len(asked) :]),
                )
            progress("capture", number, len(prompts), "prompts")
    return {site: writer.manifest for site, writer in writers.items()}


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
    progress: Progress = SILENT,
) -> dict[Site, Manifest]:
    """Capture a corpus; one folder a site. `origin` says in a sentence what the documents are.

    Documents are cut into windows of `context` tokens (None: what the model allows, at most 1,024),
    see `engine.activations.windows` for what each begins with. Windows of similar length share a
    forward pass of at most `pass_tokens` tokens; the store keeps the documents' order, no padding.
    The whole capture ends after exactly `max_tokens` tokens a site, or with the documents.

    Memory: beside the model, the activations of four passes for every site, and a shard.
    Raises UserError for an unknown site, a folder that exists, and a context the model can't read.
    """
    context = checked_context(lm, context)
    with _writers(lm, sites, folders, origin=origin, context=context, dtype=dtype) as writers:
        done = 0
        windows = cut_documents(lm, documents, context, max_tokens)
        for pool in pools(windows, POOLED_PASSES * pass_tokens):
            observed: list[dict[Site, Tensor]] = [{} for _ in pool]
            for together in passes(pool, pass_tokens):
                _observe_pass(lm, pool, together, sites, observed)
                done += sum(len(pool[index].token_ids) for index in together)
                progress("capture", done, max_tokens, "tokens")
            _store(writers, pool, observed)
        progress("capture", done, done, "tokens")
    return {site: writer.manifest for site, writer in writers.items()}


def _observe_pass(
    lm: LanguageModel,
    pool: Sequence[Window],
    together: Sequence[int],
    sites: Sequence[Site],
    observed: list[dict[Site, Tensor]],
) -> None:
    ids, mask = padded([pool[index] for index in together])
    batch = observe(lm, ids, sites, attention_mask=mask.to(lm.device))
    for site, acts in batch.items():
        for row, index in enumerate(together):
            observed[index][site] = acts[row, : len(pool[index].token_ids)].cpu()


def _store(
    writers: Writers, pool: Sequence[Window], observed: Sequence[Mapping[Site, Tensor]]
) -> None:
    for window, acts in zip(pool, observed, strict=True):
        for site, writer in writers.items():
            if window.begins is not None:
                writer.begin(text=window.begins)
            writer.extend(acts[site], window.token_ids)


@contextlib.contextmanager
def _writers(
    lm: LanguageModel,
    sites: Sequence[Site],
    folders: Sequence[Path],
    *,
    origin: str,
    context: int | None,
    dtype: str,
    chat_template: str = "",
    special_token_ids: Sequence[int] = (),
) -> Iterator[Writers]:
    if len(set(sites)) < len(sites):
        raise UserError("A site is named twice.", "Name every site once.")
    for site in sites:
        check_site(lm, site)
    texts = vocabulary(lm)
    with contextlib.ExitStack() as stack:
        writers = {}
        for site, folder in zip(sites, folders, strict=True):
            about = Manifest(
                model=lm.source,
                revision=lm.revision,
                site=str(site),
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
            writers[site] = stack.enter_context(ActivationWriter(folder, about, texts))
        yield writers


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
