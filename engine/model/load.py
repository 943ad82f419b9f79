"""Loading a causal language model and its tokenizer."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedConfig,
)
from transformers.utils.hub import resolve_revision

from engine.errors import UserError
from engine.model.anatomy import Anatomy, examine
from engine.model.device import choose_device
from engine.model.fast_dtype import choose_dtype, dtype_name
from engine.model.gguf import check_gguf, gguf_settings, quantisation_of, without_bars
from engine.model.load_errors import explaining, short_message
from engine.model.quiet import quiet
from engine.model.source import model_address

CONTEXT_UNKNOWN = 2048
"""Tokens that a model is given at most when neither it nor its tokenizer names a limit."""


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A causal language model, ready to be looked into: in evaluation mode and without gradients
    on its parameters."""

    model: Any
    """The transformers model, a `PreTrainedModel` with a language-modelling head."""
    tokenizer: Any
    """Its transformers tokenizer."""
    source: str
    """What was asked for: "demo", a folder, a GGUF file or a hub id."""
    revision: str | None
    """The commit on the hub that was loaded; None for a folder."""
    anatomy: Anatomy
    """Where its layers are and what they add to the residual stream."""
    context: int
    """The most tokens it was made for."""
    device: torch.device
    dtype: torch.dtype
    """What it computes in."""
    dtype_reason: str = ""
    """Why, in a few words that may follow on the type's name; empty: it was asked for."""
    prepend_bos: bool | None = None
    """Whether texts are read with BOS before them; None: as its tokenizer has it."""
    quantisation: str = ""
    """What its weights were stored in before they were turned into numbers of `dtype`, such as
    `Q4_1`; empty where they are a checkpoint of transformers."""

    @property
    def dtype_name(self) -> str:
        """`dtype` as a user writes it: `bfloat16`."""
        return dtype_name(self.dtype)

    @property
    def weights(self) -> str:
        """In a few words how it computes: `bfloat16, from weights in Q4_1`."""
        stored = f", from weights in {self.quantisation}" if self.quantisation else ""
        return f"{self.dtype_name}{stored}"

    @property
    def layers(self) -> nn.ModuleList:
        return self.anatomy.layers

    @property
    def n_layers(self) -> int:
        return len(self.anatomy.layers)

    @property
    def d_model(self) -> int:
        """The width of the residual stream."""
        return self.anatomy.d_model

    @property
    def vocab_size(self) -> int:
        """The number of logits per token."""
        return self.anatomy.vocab_size

    def reading(self, *, prepend_bos: bool | None) -> "LanguageModel":
        """The same model, which reads texts with BOS before them, or without; None: as it does."""
        if prepend_bos in (None, self.tokenizer.bos_token_id in self.prefix_ids):
            return self
        return dataclasses.replace(self, prepend_bos=prepend_bos)

    @property
    def prefix_ids(self) -> list[int]:
        """The token ids that are put in front of every text: those that the tokenizer puts there,
        or what `prepend_bos` says."""
        bos = self.tokenizer.bos_token_id
        if self.prepend_bos is None:
            return self.own_prefix_ids
        return [bos] if self.prepend_bos and bos is not None else []

    @cached_property
    def own_prefix_ids(self) -> list[int]:
        """The token ids that the tokenizer puts in front of every text: most often BOS alone;
        several, such as `[gMASK] <sop>`, or none."""
        read = self.tokenizer("a", return_special_tokens_mask=True, verbose=False)
        added = zip(read["input_ids"], read["special_tokens_mask"], strict=True)
        return [index for index, _ in takewhile(lambda token: token[1], added)]

    @property
    def special_ids(self) -> list[int]:
        """The ids of all special tokens, such as those that a chat template puts between turns."""
        added = self.tokenizer.added_tokens_decoder
        special = {index for index, token in added.items() if token.special}
        return sorted(special.union(self.tokenizer.all_special_ids))

    @property
    def start_ids(self) -> list[int]:
        """The ids of the tokens that stand before a text and are none of it: BOS, also where a
        chat template or the text itself writes it, and those of the prefix."""
        bos = self.tokenizer.bos_token_id
        return sorted({*self.prefix_ids, *([] if bos is None else [bos])})


def load_model(
    source: str,
    *,
    dtype: str = "auto",
    device: str = "auto",
    revision: str | None = None,
    local_files_only: bool = False,
) -> LanguageModel:
    """Load the causal language model at `source`: "demo", a folder, a GGUF file or a hub id.

    `dtype`: one of `engine.model.dtypes.MODEL_DTYPES`; `device` as in `engine.model.device`. With
    `local_files_only` a hub id is looked for in this machine's cache only. Code in a repository is
    never run. The model's own decoding preferences (sampling, penalties) are dropped, so that
    generation has no hidden settings. Weights of a GGUF file are turned into numbers of `dtype`.

    Raises UserError, one sentence each, for a model that is gated, missing, out of reach, not
    causal, incomplete or damaged, that needs its own code, and for a device that is not there.
    """
    where = choose_device(device)
    with quiet(), _files_of(source, revision, local_files_only) as files:
        with explaining("configuration", source, revision):
            config = _load_config(source, files)
        kind, reason = choose_dtype(dtype, where, config)
        with explaining("weights", source, revision):
            model = _load_weights(source, files, config, kind).to(where)
        with explaining("tokenizer", source, revision):
            tokenizer = AutoTokenizer.from_pretrained(
                files.address, trust_remote_code=False, **files.origin
            )
        model.generation_config = _plain_generation(model, tokenizer)
        anatomy, reason = _examine(model, source, reason)
    return LanguageModel(
        model=model,
        tokenizer=tokenizer,
        source=source,
        revision=files.revision,
        anatomy=anatomy,
        context=_context(config.get_text_config(), tokenizer),
        device=where,
        dtype=model.dtype,
        dtype_reason=reason,
        quantisation=files.quantisation,
    )


def _examine(model: Any, source: str, reason: str) -> tuple[Anatomy, str]:
    """What is in a model, and why it computes in the type that it does after that.

    There are operations that lack a type on some processors. Where the type was asked for (`reason`
    is empty) that is a UserError; else the model is brought to float32.
    """
    try:
        return examine(model), reason
    except (RuntimeError, NotImplementedError) as error:
        if model.dtype == torch.float32:
            raise
        name = dtype_name(model.dtype)
        if not reason:
            raise UserError(
                f"{source} can't be run in {name} here: {short_message(error)}",
                "Choose another type with --model-dtype.",
            ) from error
    return examine(model.float()), f"as it can't be run in {name} here"


@dataclass(frozen=True)
class _Files:
    """Where transformers is to look for a model's files."""

    address: str
    """A folder or a hub id."""
    origin: Mapping[str, Any]
    """What every `from_pretrained` is told beside it."""
    revision: str | None = None
    quantisation: str = ""

    @property
    def is_gguf(self) -> bool:
        return "gguf_file" in self.origin


@contextlib.contextmanager
def _files_of(source: str, revision: str | None, local_files_only: bool) -> Iterator[_Files]:
    """Where the files of a model are. Raises UserError as `model_address` and `check_gguf`."""
    address, gguf = model_address(source)
    if gguf is None:
        commit = resolve_revision(address, revision, local_files_only=local_files_only)
        origin = {"revision": commit, "local_files_only": local_files_only}
        yield _Files(address, origin, getattr(commit, "resolved", None))
        return
    with explaining("header", source, revision):
        check_gguf(gguf, source)
        quantisation = quantisation_of(gguf)
    # an empty folder: files that lie beside this one may be another model's
    with tempfile.TemporaryDirectory(prefix="brainsurg-") as empty, without_bars():
        origin = {"gguf_file": str(gguf), "local_files_only": True}
        yield _Files(empty, origin, quantisation=quantisation)


def _load_config(source: str, files: _Files) -> PreTrainedConfig:
    """The configuration, if it is a causal language model's that transformers itself knows."""
    raw, _ = PreTrainedConfig.get_config_dict(files.address, **files.origin)
    model_type = raw.get("model_type")
    if model_type not in CONFIG_MAPPING:
        if "auto_map" in raw:
            raise UserError(
                f"{source} needs code of its own to be run, and Brain Surgery never does that.",
                "Choose a model that transformers knows by itself.",
            )
        raise UserError(
            f"{source} is of no kind that transformers knows: {model_type or 'it names none'}.",
            "Check that its config.json is a language model's, or install a newer transformers.",
        )
    config: PreTrainedConfig = AutoConfig.from_pretrained(
        files.address, trust_remote_code=False, **files.origin
    )
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(
            f"{source} is a {model_type} model, which is no causal language model.",
            "Choose a model that predicts the next token, such as openai-community/gpt2.",
        )
    return config


def _load_weights(source: str, files: _Files, config: PreTrainedConfig, dtype: torch.dtype) -> Any:
    """The model, if all its weights are there: transformers fills in random numbers for others."""
    auto: Any = AutoModelForCausalLM
    settings = gguf_settings() if files.is_gguf else {}
    model, report = auto.from_pretrained(
        files.address,
        config=config,
        dtype=dtype,
        trust_remote_code=False,
        ignore_mismatched_sizes=True,  # transformers' own message names no weight
        output_loading_info=True,
        **settings,
        **files.origin,
    )
    absent = sorted(report["missing_keys"]) + sorted(name for name, *_ in report["mismatched_keys"])
    if absent:
        raise UserError(
            f"{source} lacks {len(absent)} of the weights that its configuration promises, "
            f"or has them in another shape: {absent[0]}.",
            "It may be damaged, or a model for another task than language modelling.",
        )
    return model.eval().requires_grad_(False)


def _plain_generation(model: Any, tokenizer: Any) -> GenerationConfig:
    """Where generation ends and what fills finished rows; nothing else."""
    ends = model.generation_config.eos_token_id
    if ends is None:
        ends = tokenizer.eos_token_id
    fill = tokenizer.pad_token_id
    if fill is None:
        fill = ends[0] if isinstance(ends, list) else ends
    return GenerationConfig(eos_token_id=ends, pad_token_id=fill)


def _context(config: Any, tokenizer: Any) -> int:
    """The most tokens the model was made for. Models without position embeddings name none."""
    for limit in (
        getattr(config, "max_position_embeddings", None),
        getattr(config, "max_seq_len", None),
        getattr(tokenizer, "model_max_length", None),
    ):
        if isinstance(limit, int) and 0 < limit < 10**9:
            return limit
    return CONTEXT_UNKNOWN
