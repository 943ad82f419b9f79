"""What is measured in this process: our job, the model alone, and transformers' own way."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.activations.capture.passes import CPU_PASS_TOKENS
from engine.jobs.kinds import Capture, CaptureResult
from engine.jobs.run import run
from engine.model.load import LanguageModel, load_model
from engine.model.site import Site
from engine.model.text import encode
from engine.progress import SILENT
from engine.workspace.folders import Workspace


class Subject:
    """A model, a site after one of its layers, and text."""

    def __init__(
        self, model: Path, layer: int, text: Path, *, dtype: str, context: int, tokens: int
    ) -> None:
        self.model, self.layer, self.text = model, layer, text
        self.dtype, self.context, self.tokens = dtype, context, tokens
        self._names = itertools.count()

    @property
    def site(self) -> Site:
        return Site("resid_post", self.layer)

    def load(self) -> LanguageModel:
        return load_model(str(self.model), device="cpu", dtype=self.dtype)

    def windows(self, lm: LanguageModel) -> Tensor:
        """[windows, context] full windows of the text, `tokens` tokens at least."""
        count = -(-self.tokens // self.context)
        text = self.text.read_text()
        ids = encode(lm, text[: 16 * count * self.context])
        assert len(ids) >= count * self.context, "the text is too short"
        return ids[: count * self.context].view(count, self.context)

    def capture(self, workspace: Workspace) -> tuple[float, float, int]:
        """Tokens per second of the job, without loading and with it, and how many it stored."""
        spec = Capture(
            name=f"set{next(self._names)}",
            model=str(self.model),
            sites=[str(self.site)],
            texts=[str(self.text)],
            max_tokens=self.tokens,
            context=self.context,
            dtype=self.dtype,
            model_dtype=self.dtype,
            device="cpu",
        )
        began = time.perf_counter()
        result = run(spec, workspace, SILENT)
        seconds = time.perf_counter() - began
        assert isinstance(result, CaptureResult)
        return result.tokens_per_second, result.tokens / seconds, result.tokens


def passes(windows: Tensor) -> Iterator[Tensor]:
    """The windows in passes as large as a capture's."""
    yield from torch.split(windows, max(1, CPU_PASS_TOKENS // windows.shape[1]))


def bare(lm: LanguageModel, layer: int, windows: Tensor) -> float:
    """Tokens per second of the layers up to `layer`, with nothing looked at or kept."""
    decoder = lm.model.get_decoder()
    with _first_layers(lm, layer), torch.inference_mode():
        began = time.perf_counter()
        for ids in passes(windows):
            decoder(input_ids=ids, use_cache=False)
    return windows.numel() / (time.perf_counter() - began)


def hidden_states(lm: LanguageModel, layer: int, windows: Tensor) -> float:
    """Tokens per second of the whole model with `output_hidden_states`."""
    with torch.inference_mode():
        began = time.perf_counter()
        for ids in passes(windows):
            output = lm.model(
                input_ids=ids, use_cache=False, output_hidden_states=True, logits_to_keep=1
            )
            output.hidden_states[layer + 1].clone()
    return windows.numel() / (time.perf_counter() - began)


@contextmanager
def _first_layers(lm: LanguageModel, layer: int) -> Iterator[None]:
    """The model ends after a layer, within the block."""
    path, _, name = lm.anatomy.path.rpartition(".")
    parent = lm.model.get_submodule(path)
    setattr(parent, name, nn.ModuleList(list(lm.layers)[: layer + 1]))
    config = parent.config
    layers, config.num_hidden_layers = config.num_hidden_layers, layer + 1
    try:
        yield
    finally:
        setattr(parent, name, lm.layers)
        config.num_hidden_layers = layers
