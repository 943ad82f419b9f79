"""Everything that decides what the demo model becomes."""

from dataclasses import asdict, dataclass

from transformers import Gemma3TextConfig


@dataclass(frozen=True, slots=True)
class Recipe:
    """Sizes, schedule and seeds. The same recipe on the same machine makes the same bytes."""

    d_model: int = 128
    """Width of the residual stream."""
    layers: int = 6
    """Decoder layers; every sixth attends to the whole context, the others to a window."""
    heads: int = 4
    """Query heads; one key and value head serves them all, as in Gemma 3 1B."""
    head_dim: int = 32
    """Width of a head."""
    mlp: int = 512
    """Inner width of the gated MLP."""
    vocab_size: int = 2048
    """Tokens of the tokenizer."""
    context: int = 256
    """Tokens of a training sequence, and the most the model can read."""
    window: int = 64
    """Tokens that a sliding-window layer looks back."""
    batch: int = 8
    """Sequences of one step."""
    tokens: int = 5_462_016
    """Training tokens in all; no document is seen twice."""
    lr: float = 8e-3
    """Peak learning rate of the matrices inside the layers (Muon)."""
    adam_lr: float = 4e-3
    """Peak learning rate of embeddings and norms (AdamW)."""
    warmup: int = 100
    """Steps in which the learning rate rises from zero."""
    decay: float = 0.25
    """Share of the steps at the end in which it falls to zero (warm-up, stable, decay)."""
    weight_decay: float = 0.1
    """Of the matrices inside the layers."""
    concept_layer: int = 3
    """The layer behind which the residual stream is to tell the concepts of a token."""
    concept_weight: float = 0.1
    """What that counts beside the next token, see `benchmarks.embedded_model.training.train`."""
    seed: int = 0
    """Of the weights and of the corpus."""

    @property
    def steps(self) -> int:
        return self.tokens // (self.batch * self.context)

    def schedule(self, step: int) -> float:
        """The share of the peak rates: warm-up, stable, linear decay (Hägele et al. 2024)."""
        rising = (step + 1) / self.warmup
        falling = (self.steps - step) / (self.decay * self.steps)
        return min(1.0, rising, falling)

    def config(self) -> Gemma3TextConfig:
        """The architecture, as transformers writes it. Token ids are those of `tokenizer.py`."""
        return Gemma3TextConfig(
            vocab_size=self.vocab_size,
            hidden_size=self.d_model,
            intermediate_size=self.mlp,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=1,
            head_dim=self.head_dim,
            query_pre_attn_scalar=self.head_dim,
            sliding_window=self.window,
            max_position_embeddings=self.context,
            tie_word_embeddings=True,
            pad_token_id=0,
            eos_token_id=1,
            bos_token_id=2,
        )

    def table(self) -> dict[str, int | float]:
        return asdict(self)
