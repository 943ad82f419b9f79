"""Loading a causal language model and its tokenizer."""

import contextlib
import dataclasses
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedConfig

from engine.errors import UserError
from engine.model.anatomy import Anatomy, examine
from engine.model.device import choose_device
from engine.model.device_map import (
    check_names,
    device_map_to_use,
    input_device,
    places_text,
    read_device_map,
)
from engine.model.dtypes import AS_STORED, AUTO, weights_words
from engine.model.fast_dtype import choose_dtype, dtype_name
from engine.model.gguf import gguf_settings
from engine.model.load_errors import explaining, short_message
from engine.model.model_files import ModelFiles, files_of, load_config
from engine.model.quantisation import quantisation_of_config, quantisation_settings
from engine.model.quiet import quiet

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
    """Where it takes token ids and gives logits out; where what passes between is, too, unless it
    is spread over several."""
    dtype: torch.dtype
    """What it computes in."""
    dtype_reason: str = ""
    """Why, in a few words that may follow on the type's name; empty: it was asked for."""
    prepend_bos: bool | None = None
    """Whether texts are read with BOS before them; None: as its tokenizer has it."""
    quantisation: str = ""
    """What its weights are stored in, to be turned into numbers of `dtype`, such as `Q4_1` or
    `int8`; empty where they are numbers of a type of `MODEL_DTYPES`."""
    places: str = ""
    """Where its modules are, in a few words, if it is spread over several devices."""

    @property
    def dtype_name(self) -> str:
        """`dtype` as a user writes it: `bfloat16`."""
        return dtype_name(self.dtype)

    @property
    def weights(self) -> str:
        """In a few words how it computes: `bfloat16, from weights in Q4_1`."""
        return weights_words(self.dtype_name, self.quantisation)

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
    dtype: str = AUTO,
    device: str = "auto",
    device_map: str = "",
    quantize: str = AS_STORED,
    revision: str | None = None,
    local_files_only: bool = False,
) -> LanguageModel:
    """Load the causal language model at `source`: "demo", a folder, a GGUF file or a hub id.

    `dtype`: one of `engine.model.dtypes.MODEL_DTYPES`; `device` as in `engine.model.device`, or,
    with a `device_map`, the one that `auto` types are chosen for. `device_map`: as
    `engine.model.device_map.read_device_map` takes it; empty: as the environment says, or else the
    model is on one device.
    `quantize`: as in `engine.model.dtypes.QUANTISATIONS`. With `local_files_only` a hub id is
    looked for in this machine's cache only. Code in a repository is never run. The model's own
    decoding preferences (sampling, penalties) are dropped, so that generation has no hidden
    settings. Weights of a GGUF file are turned into numbers of `dtype`.

    Raises UserError, one sentence each, for a model that is gated, missing, out of reach, not
    causal, incomplete or damaged, that needs its own code, and for a device that is not there; and
    as `read_device_map` and `quantisation_settings`.
    """
    where = choose_device(device)
    device_map = device_map_to_use(device_map)
    spread = read_device_map(device_map) if device_map else None
    with quiet(), files_of(source, revision, local_files_only) as files:
        with explaining("configuration", source, revision):
            config = load_config(source, files)
        stored = files.quantisation or quantisation_of_config(config)
        quantising = quantisation_settings(quantize, source, quantised=stored)
        kind, reason = choose_dtype(dtype, where, config)
        settings = quantising | _placing(spread, where if quantising else None)
        with explaining("weights", source, revision):
            model = _load_weights(source, files, config, kind, settings)
            if "device_map" not in settings:
                model = model.to(where)
            check_names(spread or {}, model, source)
        with explaining("tokenizer", source, revision):
            tokenizer = AutoTokenizer.from_pretrained(
                files.address, trust_remote_code=False, **files.origin
            )
        model.generation_config = _plain_generation(model, tokenizer)
        anatomy, reason = _examine(model, source, reason, fixed=bool(quantising or spread))
    return LanguageModel(
        model=model,
        tokenizer=tokenizer,
        source=source,
        revision=files.revision,
        anatomy=anatomy,
        context=_context(config.get_text_config(), tokenizer),
        device=input_device(model),
        dtype=model.dtype,
        dtype_reason=reason,
        quantisation=quantize if quantising else stored,
        places=places_text(model),
    )


def _placing(
    spread: str | dict[str, int | str] | None, where: torch.device | None
) -> dict[str, Any]:
    """What `from_pretrained` is told of where modules are to be: `spread` over several devices, or
    all of them `where`; with neither, it brings them to the CPU."""
    if spread is None:
        return {} if where is None else {"device_map": {"": where}}
    folder = Path(tempfile.mkdtemp(prefix="brainsurg-"))  # for weights that no file has as they are
    return {"device_map": spread, "offload_folder": str(folder)}


def _examine(model: Any, source: str, reason: str, *, fixed: bool) -> tuple[Anatomy, str]:
    """What is in a model, and why it computes in the type that it does after that.

    There are operations that lack a type on some processors. Where the type was asked for (`reason`
    is empty), or is `fixed`, that is a UserError; else the model is brought to float32.
    """
    try:
        return examine(model), reason
    except (RuntimeError, NotImplementedError) as error:
        if model.dtype == torch.float32:
            raise
        name = dtype_name(model.dtype)
        if fixed or not reason:
            raise UserError(
                f"{source} can't be run in {name} here: {short_message(error)}",
                "Choose another type with --model-dtype.",
            ) from error
    return examine(model.float()), f"as it can't be run in {name} here"


def _load_weights(
    source: str,
    files: ModelFiles,
    config: PreTrainedConfig,
    dtype: torch.dtype,
    settings: Mapping[str, Any],
) -> Any:
    """The model, if all its weights are there: transformers fills in random numbers for others."""
    auto: Any = AutoModelForCausalLM
    with contextlib.ExitStack() as if_it_fails:
        if "offload_folder" in settings:
            if_it_fails.callback(shutil.rmtree, settings["offload_folder"], ignore_errors=True)
        model, report = auto.from_pretrained(
            files.address,
            config=config,
            dtype=dtype,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # transformers' own message names no weight
            output_loading_info=True,
            **(gguf_settings() if files.is_gguf else {}),
            **settings,
            **files.origin,
        )
        weakref.finalize(model, if_it_fails.pop_all().close)
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
