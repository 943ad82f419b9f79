"""Which tokens each feature's direction promotes and suppresses."""

from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.model.text import vocabulary
from engine.model.unembed import logit_effects
from engine.progress import Progress

_TOKENS = 10
EFFECTS_AT_ONCE = 1 << 26
"""Effects on logits held at once, 256 MiB: the features go by in blocks."""


@torch.no_grad()
def write_token_effects(
    lm: LanguageModel, W_dec: Tensor, folder: Path, progress: Progress, site: Site | None = None
) -> None:
    """Write `promoted.npy`, `suppressed.npy` and `vocabulary.json` into the new `folder`.

    W_dec: [features, width of the `site` that they write at], None: of the residual stream. The ten
    tokens of each feature are those whose logits its direction raises or lowers most on the direct
    path to the output, see `logit_effects`. For a model that has no such path a note says so, and
    nothing is written.
    """
    features = len(W_dec)
    tokens = min(_TOKENS, lm.vocab_size)
    promoted = np.empty((features, tokens), dtype="<i4")
    suppressed = np.empty((features, tokens), dtype="<i4")
    step = max(1, EFFECTS_AT_ONCE // lm.vocab_size)
    for start in range(0, features, step):
        progress("token effects", start, features, "features")
        here = slice(start, start + step)
        try:
            effects = logit_effects(lm, W_dec[here], site)
        except UserError as error:
            progress.note(str(error))
            return
        promoted[here] = effects.topk(tokens).indices.cpu().numpy()
        suppressed[here] = effects.topk(tokens, largest=False).indices.cpu().numpy()
    progress("token effects", features, features, "features")
    folder.mkdir()
    np.save(folder / "promoted.npy", promoted)
    np.save(folder / "suppressed.npy", suppressed)
    (folder / "vocabulary.json").write_bytes(msgspec.json.encode(vocabulary(lm)))
