"""A model, an autoencoder and a corpus that every program reads from the same files.

    model/    a Llama of random weights with a tokenizer that knows a list of words
    texts/    its corpus: `texts.jsonl`, one prompt a line, words drawn by Zipf's law
    sae/      an autoencoder of random directions, in the layout of SAELens 6

What a dashboard costs hangs on the sizes and on how often features are active, and not on what they
mean: those of `jumprelu` are active on 0.01 % to 5 % of the tokens, as trained ones are.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.dashboards.sizes import CONTEXT, HOOK, SITE, K, Size
from engine.model.load import load_model
from engine.model.observe import observe
from engine.model.site import parse_site
from engine.model.text import encode

SEED = 0
RAREST, COMMONEST = 1e-4, 5e-2
"""Densities of the features, spread evenly on a logarithmic scale."""
SAMPLE = 512
"""Prompts from which thresholds are taken."""
GAPS = 64
"""Between activations, from which the widest is chosen for a threshold."""
BOS, EOS = "<bos>", "<eos>"


def make(folder: Path, size: Size, architecture: str) -> None:
    """Write the three into `folder`."""
    torch.manual_seed(SEED)
    _write_model(folder / "model", size)
    texts = _write_texts(folder / "texts", size)
    _write_sae(folder / "sae", size, architecture, _observed(folder / "model", texts[:SAMPLE]))


def _write_model(folder: Path, size: Size) -> None:
    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.d_model,
        intermediate_size=4 * size.d_model,
        num_hidden_layers=size.layers,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=CONTEXT,
        initializer_range=1 / size.d_model**0.5,
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    words = [BOS, EOS, *_words(size)]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, EOS))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, 0)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BOS, "eos_token": EOS}
    (folder / "tokenizer_config.json").write_text(json.dumps(about))


def _words(size: Size) -> list[str]:
    return [f"w{number}" for number in range(size.vocabulary - 2)]


def _write_texts(folder: Path, size: Size) -> list[str]:
    """Each prompt is `CONTEXT` tokens with its BOS."""
    words = np.array(_words(size))
    weights = 1 / np.arange(1, len(words) + 1)
    rng = np.random.default_rng(SEED)
    drawn = rng.choice(words, (size.prompts, CONTEXT - 1), p=weights / weights.sum())
    texts = [" ".join(row) for row in drawn]
    folder.mkdir()
    lines = (json.dumps({"text": text}) + "\n" for text in texts)
    (folder / "texts.jsonl").write_text("".join(lines))
    return texts


def _observed(model: Path, texts: list[str]) -> Tensor:
    """[tokens, d_model] without BOS."""
    lm = load_model(str(model), dtype="float32", device="cpu")
    site = parse_site(SITE)
    ids = torch.stack([encode(lm, text) for text in texts])
    return torch.cat([observe(lm, rows, [site])[site][:, 1:] for rows in ids.split(32)]).flatten(
        0, 1
    )


def _write_sae(folder: Path, size: Size, architecture: str, acts: Tensor) -> None:
    directions = functional.normalize(torch.randn(size.width, size.d_model), dim=1)
    center = acts.mean(0)
    tensors = {
        "W_enc": directions.T.contiguous(),
        "W_dec": directions.clone(),
        "b_enc": torch.zeros(size.width),
        "b_dec": center,
    }
    cfg = {
        "architecture": architecture,
        "d_in": size.d_model,
        "d_sae": size.width,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.54.12",
            "model_name": "model",
            "hook_name": HOOK,
            "hook_head_index": None,
            "context_size": CONTEXT,
            "prepend_bos": True,
            "dataset_path": "texts",
        },
    }
    if architecture == "topk":
        cfg |= {"k": K, "rescale_acts_by_decoder_norm": False}
    else:
        tensors["threshold"] = _thresholds(acts - center, directions)
    folder.mkdir()
    (folder / "cfg.json").write_text(json.dumps(cfg))
    save_file(tensors, folder / "sae_weights.safetensors")


def _thresholds(acts: Tensor, directions: Tensor) -> Tensor:
    """[features]: what lets each through about as often as it is to be active.

    In the middle of a gap between two activations, so that round-off decides of none of them.
    """
    densities = torch.logspace(
        np.log10(RAREST), np.log10(COMMONEST), len(directions), dtype=torch.float64
    )
    places = (densities[torch.randperm(len(directions))] * len(acts)).long()
    parts = []
    for some, first in zip(directions.split(256), places.split(256), strict=True):
        near = first + torch.arange(GAPS + 1)[:, None]
        values = (acts @ some.T).sort(dim=0, descending=True).values.gather(0, near)
        widest = (values[:-1] - values[1:]).argmax(0, keepdim=True)
        parts.append((values.gather(0, widest) + values.gather(0, widest + 1))[0] / 2)
    return torch.cat(parts).clamp(min=0)
