"""Loading a causal language model and its tokenizer."""

from collections.abc import Mapping
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
from engine.model.device import choose_device, choose_dtype
from engine.model.load_errors import explaining
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
    """What was asked for: "demo", a folder or a hub id."""
    revision: str | None
    """The commit on the hub that was loaded; None for a folder."""
    anatomy: Anatomy
    """Where its layers are and what they add to the residual stream."""
    context: int
    """The most tokens it was made for."""
    device: torch.device
    dtype: torch.dtype

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

    @cached_property
    def prefix_ids(self) -> list[int]:
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
    """Load the causal language model at `source`: "demo", a folder, or an id on the hub.

    `dtype` and `device` as in `engine.model.device`. With `local_files_only` a hub id is looked
    for in this machine's cache only. Code in a repository is never run. The model's own decoding
    preferences (sampling, penalties) are dropped, so that generation has no hidden settings.

    Raises UserError, one sentence each, for a model that is gated, missing, out of reach, not
    causal, incomplete or damaged, that needs its own code, and for a device that is not there.
    """
    address = model_address(source)
    where = choose_device(device)
    kind = choose_dtype(dtype, where)
    with quiet():
        commit = resolve_revision(address, revision, local_files_only=local_files_only)
        origin = {"revision": commit, "local_files_only": local_files_only}
        with explaining("configuration", source, revision):
            config = _load_config(address, source, origin)
        with explaining("weights", source, revision):
            model = _load_weights(address, source, config, kind, origin).to(where)
        with explaining("tokenizer", source, revision):
            tokenizer = AutoTokenizer.from_pretrained(address, trust_remote_code=False, **origin)
        model.generation_config = _plain_generation(model, tokenizer)
        anatomy = examine(model)
    return LanguageModel(
        model=model,
        tokenizer=tokenizer,
        source=source,
        revision=getattr(commit, "resolved", None),
        anatomy=anatomy,
        context=_context(config.get_text_config(), tokenizer),
        device=where,
        dtype=model.dtype,
    )


def _load_config(address: str, source: str, origin: Mapping[str, Any]) -> PreTrainedConfig:
    """The configuration, if it is a causal language model's that transformers itself knows."""
    raw, _ = PreTrainedConfig.get_config_dict(address, **origin)
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
        address, trust_remote_code=False, **origin
    )
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(
            f"{source} is a {model_type} model, which is no causal language model.",
            "Choose a model that predicts the next token, such as openai-community/gpt2.",
        )
    return config


def _load_weights(
    address: str,
    source: str,
    config: PreTrainedConfig,
    dtype: torch.dtype | None,
    origin: Mapping[str, Any],
) -> Any:
    """The model, if all its weights are there: transformers fills in random numbers for others."""
    auto: Any = AutoModelForCausalLM
    model, report = auto.from_pretrained(
        address,
        config=config,
        dtype=dtype or "auto",
        trust_remote_code=False,
        ignore_mismatched_sizes=True,  # transformers' own message names no weight
        output_loading_info=True,
        **origin,
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
