"""A file `batch-N.json`: what SAEDashboard 0.8 writes and Neuronpedia imports (no torch here).

Read from what SAEDashboard's `NeuronpediaConverter` makes, and from its classes. What we don't
measure is an empty list, as it is there for a feature that never was active.
"""

import msgspec

TOP_GROUP = -1.0
"""`bin_min` and `bin_contains` of the strongest activations, which are no interval."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of text on which a feature is active."""

    bin_min: float
    bin_max: float
    """The interval of activations that it stands for; of the strongest, -1 and the maximum."""
    bin_contains: float
    """Share of all tokens on which the feature's activation lies there; of the strongest, -1."""
    tokens: list[str]
    values: list[float]
    """The feature's activation at each token."""
    qualifying_token_index: int
    """Index in `tokens` of the one for which it was chosen."""


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """One feature."""

    feature_index: int
    neuron_alignment_indices: list[int]
    """The dimensions of the residual stream in which its direction is largest, largest first."""
    neuron_alignment_values: list[float]
    neuron_alignment_l1: list[float]
    """Their share of the direction's L1 norm."""
    correlated_neurons_indices: list[int] = []
    correlated_neurons_l1: list[float] = []
    correlated_neurons_pearson: list[float] = []
    """Empty: no activations of neurons are kept."""
    correlated_features_indices: list[int]
    """The features whose activations correlate most with its own, by Pearson's r."""
    correlated_features_l1: list[float]
    """Despite its name the cosine similarity of their activations over all tokens."""
    correlated_features_pearson: list[float]
    neg_str: list[str]
    neg_values: list[float]
    """Tokens whose logits its direction lowers most, and by how much; lowest first."""
    pos_str: list[str]
    pos_values: list[float]
    frac_nonzero: float
    """Share of tokens on which it is active."""
    freq_hist_data_bar_values: list[float]
    freq_hist_data_bar_heights: list[int]
    """Its activations where it is active: middles of equal bins, and how many lie in each."""
    logits_hist_data_bar_heights: list[int]
    logits_hist_data_bar_values: list[float]
    """Its effects on the logits of all tokens: middles of equal bins, and how many lie in each."""
    n_prompts_total: int
    n_tokens_in_prompt: int
    dataset: str
    decoder_weights_dist: list[float] = []
    """Of SAEs on the heads of an attention layer alone."""
    activations: list[Occurrence]
    vector: list[float] = []
    """Of vectors that belong to no SAE alone."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Some features of an SAE."""

    model_id: str
    layer: int
    sae_set: str
    sae_id_suffix: str | None = None
    features: list[Dashboard]
