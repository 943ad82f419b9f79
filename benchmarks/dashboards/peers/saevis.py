"""sae_vis: its own `SaeVisData.create()` and the page that it writes, for some features."""

import time
from importlib.metadata import version
from pathlib import Path

from sae_lens import SAE, HookedSAETransformer
from sae_vis import SaeVisConfig, SaeVisData

from benchmarks.dashboards.memory import peak_bytes
from benchmarks.dashboards.messages import Request, Result
from benchmarks.dashboards.peers.lens import let_in, tokens_of
from benchmarks.dashboards.sizes import BATCH, HOOK, LAYER, SIZES


def run(request: Request) -> Result:
    """As many features as SAEDashboard does in its batches, 256 at a time, its default.

    It was written for SAELens 5, and looks for the hook where that kept it. It counts BOS as any
    other token, so that features that are active on it can't be compared.
    """
    size, features = SIZES[request.size], request.batches * BATCH
    let_in("model")
    sae = SAE.load_from_pretrained("sae", device="cpu")
    sae.cfg.hook_name = sae.cfg.metadata.hook_name
    sae.cfg.hook_layer = LAYER
    model = HookedSAETransformer.from_pretrained("model", device="cpu")
    tokens = tokens_of(Path("texts/texts.jsonl"), model.tokenizer)
    _, cache = model.run_with_cache(tokens[:1, :1])
    on_bos = (sae.encode(cache[HOOK])[0, 0, :features] > 0).tolist()
    began = time.perf_counter()
    config = SaeVisConfig(features=range(features))
    found = SaeVisData.create(sae=sae, model=model, tokens=tokens, cfg=config)
    found.save_feature_centric_vis("page.html")
    seconds = time.perf_counter() - began
    return Result(
        parts={"all": seconds},
        whole={"": seconds * size.width / features},
        features=features,
        peak_bytes=peak_bytes(),
        maxima=_compared(found.feature_stats.max, on_bos),
        densities=_compared(found.feature_stats.frac_nonzero, on_bos),
        versions={name: version(name) for name in ("sae-vis", "sae-lens", "torch")},
    )


def _compared(values: list[float], on_bos: list[bool]) -> list[float | None]:
    return [None if active else value for value, active in zip(values, on_bos, strict=True)]
