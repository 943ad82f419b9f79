"""What SAELens doesn't list: transcoders of circuit-tracer's page, and EleutherAI's."""

from engine.sae.published.table import Pattern, Release, Source

OTHER_SOURCES = [
    Source(
        name="circuit-tracer 0.5.0",
        date="2026-03",
        url="https://github.com/decoderesearch/circuit-tracer",
    ),
    Source(name="EleutherAI", date="2025-07", url="https://huggingface.co/EleutherAI"),
]
_CIRCUIT_TRACER, _ELEUTHER = 1, 2

_TRANSCODERS = {"site": "mlp_in", "target": "mlp_out"}

OTHERS = [
    Release(
        name="circuit-tracer-llama-3.2-1b",
        repository="mntss/transcoder-Llama-3.2-1B",
        model="meta-llama/Llama-3.2-1B",
        format="circuit_tracer",
        source=_CIRCUIT_TRACER,
        saes=[
            Pattern(
                id="layer_{0}",
                path="layer_{0}.safetensors",
                columns=["0-15"],
                layer="{0}",
                **_TRANSCODERS,
            )
        ],
    ),
    Release(
        name="eleuther-skip-transcoder-llama-3.2-1b-131k",
        repository="EleutherAI/skip-transcoder-Llama-3.2-1B-131k",
        model="meta-llama/Llama-3.2-1B",
        format="sparsify",
        source=_ELEUTHER,
        saes=[Pattern(id="layers.{0}.mlp", columns=["0-15"], layer="{0}", l0=[32], **_TRANSCODERS)],
    ),
    Release(
        name="eleuther-skip-transcoder-smollm2-135m-128x",
        repository="EleutherAI/skip-transcoder-SmolLM2-135M-128x",
        model="HuggingFaceTB/SmolLM2-135M",
        format="sparsify",
        source=_ELEUTHER,
        saes=[
            Pattern(id="layers.{0}.mlp", columns=["0-29"], layer="{0}", l0=[128], **_TRANSCODERS)
        ],
    ),
    Release(
        name="eleuther-sae-pythia-70m-32k",
        repository="EleutherAI/sae-pythia-70m-32k",
        model="EleutherAI/pythia-70m",
        format="sparsify",
        source=_ELEUTHER,
        saes=[
            Pattern(id="layers.{0}", columns=["0-5"], layer="{0}", l0=[16], site="resid_post"),
            Pattern(id="layers.{0}.mlp", columns=["0-5"], layer="{0}", l0=[16], site="mlp_out"),
            Pattern(
                id="layers.{0}.attention", columns=["0-5"], layer="{0}", l0=[16], site="attn_out"
            ),
        ],
    ),
]
