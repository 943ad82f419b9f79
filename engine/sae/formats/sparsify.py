"""The layout of sparsify 1.3 (eai-sparsify): `cfg.json` and `sae.safetensors`.

    encoder.weight [d_sae, d_in]   encoder.bias [d_sae]   W_dec [d_sae, d_in]   b_dec [d_in]
    with `skip_connection`: W_skip [d_in, d_in]

    acts = the k largest of relu((x − b_dec) @ encoder.weightᵀ + encoder.bias)
    x̂ = acts @ W_dec + b_dec + x @ W_skipᵀ

With `transcode`, x itself is encoded, and something else of the same width is predicted. A
`num_latents` of 0 means d_in · `expansion_factor`. The activation groupmax is refused, and so are
`signed`, which an older sparsify had, and the several sources or targets of EleutherAI's
cross-layer transcoders. The folder is named after the module (`layers.3`; of a transcoder the one
that it stands for, `layers.3.mlp`), and `config.json` in the folder above it, if it is there, names
the model and what it read. As a folder is all that we write, ours tell that in `cfg.json`, where
sparsify ignores it.
Importing this needs no torch.
"""

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import UserError
from engine.files import write_whole
from engine.sae.config import SAEConfig
from engine.sae.formats.hooks import input_site_of, site_of
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import (
    convert_record,
    count_or_none,
    fields_to_keep,
    naming_file,
    read_record,
    record_bytes,
    text_or_nothing,
)
from engine.sae.formats.unknown_fields import unknown_fields

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder

CONFIG = "cfg.json"
WEIGHTS = "sae.safetensors"
FILES = (CONFIG, WEIGHTS)
FORMAT = "sparsify"
RUN = "config.json"
"""In the folder above."""
SETTINGS = ("model",)

NAMES = {
    "W_enc": "encoder.weight",
    "W_dec": "W_dec",
    "b_enc": "encoder.bias",
    "b_dec": "b_dec",
    "W_skip": "W_skip",
}


class _Cfg(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that matter, with sparsify's defaults; others it ignores, too."""

    d_in: int
    k: int
    activation: str = "topk"
    expansion_factor: int = 32
    num_latents: int = 0
    skip_connection: bool = False
    transcode: bool = False
    signed: bool = False

    @property
    def centres(self) -> bool:
        """Whether x − b_dec is encoded."""
        return not self.transcode

    def __post_init__(self) -> None:
        if self.activation != "topk":
            raise UserError(f"activation is {self.activation!r}, and only 'topk' can be read.")
        if self.signed:
            raise UserError("signed is true: acts below 0 can't be read.")


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a run's configuration tells; a stranger's may lie there, in which these are anything."""

    model: Any = None
    revision: Any = None
    ctx_len: Any = None
    hookpoints: Any = None
    hookpoint: Any = None
    """Ours, where a folder alone is written: what it would be named after."""
    exclude_tokens: Any = None
    load_in_8bit: Any = None

    def hookpoint_of(self, folder: Path) -> str:
        """The module that an autoencoder in `folder` reads, where that is sure to be one."""
        listed = self.hookpoints if isinstance(self.hookpoints, list) else []
        return folder.name if folder.name in listed else text_or_nothing(self.hookpoint)


KNOWN = frozenset(
    {*_Cfg.__struct_fields__, *_Run.__struct_fields__, "normalize_decoder", "multi_topk"}
)
"""The fields of `cfg.json` that are followed, or change nothing of what it computes."""


_MODULES = {"mlp_out": ".mlp", "attn_out": ".self_attn"}
"""Of a layer, whose outputs are sites in many models; the layer's own is the other."""


def companions(inside: PurePosixPath) -> list[PurePosixPath]:
    """Where what tells more of the folder `inside` a repository lies."""
    return [inside.parent / RUN]


def check(config: SAEConfig) -> None:
    """Raise UserError if sparsify has nothing like it."""
    if config.architecture != "topk":
        raise UserError(f"sparsify has topk alone, and this is {config.architecture}.")
    if config.layer_norm:
        raise UserError("sparsify does not normalise what it reads, and this SAE does.")
    if config.width_out != config.d_in:
        raise UserError(
            f"sparsify's transcoders write as wide as they read, and this one reads {config.d_in}"
            f" and writes {config.d_out}."
        )


def read(folder: Path, *, model: str = "") -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder in `folder`, for inference, and where it comes from.

    `model`: the one that the user names, where the files name none.
    """
    from engine.sae.formats.algebra import from_centred
    from engine.sae.formats.tensors import read_safetensors
    from engine.sae.formats.weights import assemble, from_library

    content = read_record(folder / CONFIG, dict[str, Any])
    cfg = convert_record(content, _Cfg, folder / CONFIG)
    config = _config_of(cfg, folder / CONFIG)
    weights = from_library(read_safetensors(folder / WEIGHTS), NAMES, config)
    if cfg.centres and config.transcodes:
        weights = from_centred(weights)
    run = _run_of(folder)
    model = model or text_or_nothing(run.model)
    hookpoint = run.hookpoint_of(folder)
    written = site_of(folder.name, model) or site_of(hookpoint, model)
    # a transcoder is named after the module that it stands for
    read = input_site_of(folder.name) or input_site_of(hookpoint)
    known = bool(read and written) if config.transcodes else bool(written)
    fields = {
        "hookpoint": None if known else hookpoint,
        "exclude_tokens": run.exclude_tokens,
        "load_in_8bit": run.load_in_8bit,
    }
    kept = fields_to_keep({name: value for name, value in fields.items() if value}, folder / CONFIG)
    metadata = SAEMetadata(
        model=text_or_nothing(run.model),
        revision=text_or_nothing(run.revision) or None,
        site=read if config.transcodes else written,
        target_site=written if config.transcodes and read else "",
        context=count_or_none(run.ctx_len),
        library_fields={FORMAT: kept} if kept else {},
        unknown_fields=unknown_fields(content, KNOWN, folder / CONFIG),
    )
    return assemble(config, weights), metadata


def write(sae: "SparseAutoencoder", folder: Path, metadata: SAEMetadata) -> None:
    """Write the two files of the layout into `folder`."""
    from engine.sae.formats.tensors import write_safetensors
    from engine.sae.formats.weights import to_library, weights_of

    config = sae.config
    cfg = {
        "activation": "topk",
        "d_in": config.d_in,
        "num_latents": config.d_sae,
        "k": config.k,
        "skip_connection": config.skip,
        "transcode": config.transcodes,
    }
    known = {
        "model": metadata.model,
        "revision": metadata.revision,
        "hookpoint": _hookpoint(metadata, config),
        "ctx_len": metadata.context,
    }
    cfg |= metadata.library_fields.get(FORMAT, {})
    cfg |= {name: value for name, value in known.items() if value}
    write_whole(folder / CONFIG, record_bytes(cfg))
    write_safetensors(folder / WEIGHTS, to_library(weights_of(sae), NAMES))


def _hookpoint(metadata: SAEMetadata, config: SAEConfig) -> str:
    """The module that it would be named after; empty where that isn't known."""
    kind, _, layer = metadata.site.partition(".")
    if config.transcodes:
        stands_for_mlp = (kind, metadata.target_site) == ("mlp_in", f"mlp_out.{layer}")
        return f"layers.{layer}.mlp" if stands_for_mlp else ""
    name = f"layers.{layer}{_MODULES.get(kind, '')}"
    return name if layer and site_of(name, metadata.model) == metadata.site else ""


def _config_of(cfg: _Cfg, path: Path) -> SAEConfig:
    """A skip connection without `transcode` is read as a transcoder's, and computes the same."""
    with naming_file(path):
        return SAEConfig(
            architecture="topk",
            d_in=cfg.d_in,
            d_sae=cfg.num_latents or cfg.d_in * cfg.expansion_factor,
            k=cfg.k,
            d_out=cfg.d_in if cfg.transcode or cfg.skip_connection else None,
            skip=cfg.skip_connection,
        )


def _run_of(folder: Path) -> _Run:
    above = folder.parent / RUN
    return read_record(above if above.is_file() else folder / CONFIG, _Run)
