"""What whoever published an SAE says of how good it is, in the files that lie beside its weights.

| library | where | what |
|---|---|---|
| dictionary_learning | `eval_results.json` | what its `evaluate` measures |
| SAELens | `metadata` in `cfg.json`, densities in `sparsity.safetensors` | L0, dead features |
| Gemma Scope 1 | the folder's name, `average_l0_71` | L0 |
| Gemma Scope 2 | `l0` in `config.json` | L0 |

Such figures are not measured as ours are: what differs is said beside them. Importing this needs no
torch.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import UserError
from engine.figures import Figure
from engine.sae.formats.records import read_record

EVALUATION, SPARSITY = "eval_results.json", "sparsity.safetensors"
BESIDE = {"ae.pt": EVALUATION, "sae_weights.safetensors": SPARSITY}
"""By the name of a file of weights, that of the file beside it."""
_AVERAGE_L0 = re.compile(r"/average_l0_(\d{1,6})/")
_LARGEST = 1e18
_LEAST_SPARSITY = -9.5
"""log10 of a density that SAELens writes of what is never active: 1e-10 is added to each."""


class StatedFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of an SAE by whoever published it."""

    figures: dict[str, Figure] = {}
    """By the names that ours have: `l0`, `explained_variance`, `ce_score`, `dead_fraction` …"""
    where: str = ""
    """The file, or the folder's name, that says so; empty: nothing does."""
    protocol: str = ""
    """In sentences, how they are measured otherwise than ours."""


NOTHING_STATED = StatedFigures()


def stated_figures(format: str, path: Path) -> StatedFigures:
    """The figures that lie beside an SAE: `path` is what the `read` of its `format` takes.

    Raises UserError, naming the file, for one that can't be understood.
    """
    read = _READERS.get(format)
    return NOTHING_STATED if read is None else read(path)


_LEARNING = {
    "l0": "l0",
    "frac_variance_explained": "explained_variance",
    "cossim": "cosine",
    "l2_ratio": "norm_ratio",
    "frac_alive": "dead_fraction",
    "frac_recovered": "ce_score",
    "loss_original": "ce_clean",
    "loss_reconstructed": "ce_sae",
    "loss_zero": "ce_zero",
}
"""What dictionary_learning calls each of our figures; but for the share of the dead it has that of
the others."""


def _dictionary_learning(path: Path) -> StatedFigures:
    file = (path if path.is_dir() else path.parent) / EVALUATION
    if not file.exists():
        return NOTHING_STATED
    content = read_record(file, dict[str, Any])
    found = {theirs: _number(content.get(theirs)) for theirs in _LEARNING}
    figures: dict[str, Figure] = {
        _LEARNING[theirs]: value for theirs, value in found.items() if value is not None
    }
    alive, clean, spliced = (
        found[name] for name in ("frac_alive", "loss_original", "loss_reconstructed")
    )
    if alive is not None:
        figures["dead_fraction"] = 1 - alive
    if clean is not None and spliced is not None:
        figures["delta_ce"] = spliced - clean
    return StatedFigures(
        figures=figures,
        where=file.name if figures else "",
        protocol=(
            "dictionary_learning takes the variance of the error about the error's own mean, so"
            " that a constant error costs nothing, and means of a few batches' figures; it replaces"
            " the activation of every token, BOS and sinks included, and counts every prediction."
        ),
    )


def _sae_lens(folder: Path) -> StatedFigures:
    content = read_record(folder / "cfg.json", dict[str, Any])
    told = content.get("metadata")
    told = told if isinstance(told, dict) else {}
    figures: dict[str, Figure] = {}
    where: list[str] = []
    features, dead = _number(content.get("d_sae")), _number(told.get("num_dead_features"))
    if (l0 := _number(told.get("l0"))) is not None:
        figures["l0"] = l0
    if dead is not None and features:
        figures["dead_fraction"] = dead / features
    if figures:
        where.append("cfg.json")
    if (folder / SPARSITY).exists():
        measured = _of_densities(folder / SPARSITY)
        if measured.keys() - figures.keys():
            where.append(SPARSITY)
        figures = measured | figures
    return StatedFigures(
        figures=figures,
        where=" and ".join(where),
        protocol=(
            "SAELens counts over the last steps of its training, on whatever that took, BOS and"
            " sinks included where nothing leaves them out, and with the features that training"
            " chose, not those of a threshold."
        ),
    )


def _of_densities(file: Path) -> dict[str, Figure]:
    from engine.sae.formats.tensors import read_safetensors

    tensors = read_safetensors(file)
    (features,) = tensors.sizes("sparsity", 1)
    logarithms = tensors.weights("sparsity", (features,))
    density = (10 ** logarithms.double() - 1e-10).clamp_min(0)
    dead = (logarithms < _LEAST_SPARSITY).double().mean().item()
    return {"l0": density.sum().item(), "dead_fraction": dead}


def _gemma_scope(folder: Path) -> StatedFigures:
    named = _AVERAGE_L0.search(f"{folder.as_posix()}/")
    file = folder / "config.json"
    if named is not None:
        l0, where = _number(int(named[1])), named[0].strip("/")
    elif file.exists():
        l0, where = _number(read_record(file, dict[str, Any]).get("l0")), file.name
    else:
        return NOTHING_STATED
    if l0 is None:
        return NOTHING_STATED
    return StatedFigures(
        figures={"l0": l0},
        where=where,
        protocol=(
            "Gemma Scope states a mean over its own text, of web pages, code and mathematics,"
            " without BOS; or, in a configuration, what was aimed at."
        ),
    )


def _number(value: Any) -> float | None:
    """A finite number; None for what is none."""
    if type(value) not in (int, float) or not -_LARGEST < value < _LARGEST:
        return None
    return float(value)


_READERS: dict[str, Callable[[Path], StatedFigures]] = {
    "dictionary_learning": _dictionary_learning,
    "sae_lens": _sae_lens,
    "gemma_scope": _gemma_scope,
}


def stated_or_noted(format: str, path: Path, note: Callable[[str], None]) -> StatedFigures:
    """What `stated_figures` gives; nothing, with a `note` that says why, for a file that can't be
    understood: weights are of use without it."""
    try:
        return stated_figures(format, path)
    except UserError as error:
        note(f"What its publisher states of it is left out: {error.what}")
        return NOTHING_STATED
