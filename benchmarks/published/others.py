"""What SAELens doesn't list: EleutherAI's, whose files tell what they are.

Of circuit-tracer's page SAELens lists what can be run; its set for Llama 3.2 1B reads between
attention and MLP (`hook_resid_mid`), where we have no site.
"""

from engine.sae.published.table import Pattern, Release, Source

OTHER_SOURCES = [
    Source(name="EleutherAI", date="2025-07", url="https://huggingface.co/EleutherAI"),
]
_ELEUTHER = 1

_TRANSCODERS = {"site": "mlp_in", "target": "mlp_out"}

OTHERS = [
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
