"""TopK: of every vector's pre-activations the k largest are kept ("Scaling and evaluating sparse
autoencoders", Gao et al. 2024, arXiv:2406.04093).

    acts = top_k(relu((x − b_dec) @ W_encᵀ + b_enc)),   x̂ = acts @ W_dec + b_dec

Features are directions of length 1; the encoder starts as the decoder's transpose, at the scale at
which most is explained, and b_dec as the geometric median of the data. Features that have not fired
for long learn to reconstruct what the others leave (the auxiliary loss of the paper, with k_aux =
d_in / 2).

The recipe was measured on 480,000 activations of a Llama of 260,000 parameters reading TinyStories
(resid_post.3, d_in 64), at width 1,024, k 16 and 2,000,000 vectors, on held-out stories:

    a random encoder's scale, warm-up of 2 %,
      three seeds                    explained variance 0.939 to 0.940    dead 0         15 CPU s
    half the learning rate                              0.936             0
    twice the learning rate                             0.941             2.2 %
    four times                                          0.935             21 %
    Adam's β₂ at 0.999                                  0.935             0
    no auxiliary loss                                   0.940             0.5 %
    warm-up of 5 %, decay over 20 %                     0.941             0
    width 4,096                                         0.958             14 %           25 CPU s
    width 4,096, half the learning rate                 0.955             0.8 %
    as it is                                            0.942             0              13 CPU s
    as it is, but with a warm-up of 2 %                 0.942             0

As it is, acts begin at the scale that explains most (`initialisation.fit_acts`), and the learning
rate at its highest. `python -m benchmarks.stories --arch topk --width 1024` measures this with seed
0.

And on 356,000 activations of SmolLM2-135M-Instruct reading stories, source code and fortunes
(resid_post.15, d_in 576, without attention sinks), at width 4,096, k 32 and 2,000,000 vectors, on
held-out documents, as `python -m benchmarks.real_model --arch topk --width 4096` measures it:

    a random encoder's scale, warm-up of 2 %  explained variance 0.848   CE score 0.989   dead 0.5 %
    learning rate 0.0024, for 0.0023                             0.850            0.988       1.1 %
    learning rate 0.0048                                         0.843            0.986       21 %

What is explained of 4,096 held-out vectors after so many steps of the 1,954:

    steps                                         10     20     40     80    320  1,000  1,953
    a random encoder's scale, warm-up of 2 %    0.303  0.356  0.563  0.688  0.796  0.829  0.849
    the same without warm-up                    0.400  0.533  0.640  0.712  0.799  0.831  0.849
    as it is                                    0.511  0.595  0.669  0.725  0.803  0.830  0.849

On sums of 16 of 1,024 random directions (d_in 256, width 4,096, k 32, batches of 2,048), as `python
-m benchmarks.training.quality` measures it, 95 % of the directions are found by step 200; from a
random encoder's scale with a warm-up of 2 % by step 300, at a learning rate of 0.0048 rather than
0.0034 by step 225, and at half of that by step 390. A decay over half of the run rather than a
fifth brings what is unexplained there from 11.2 % to 11.1 %. Starting from data vectors instead of
random directions finds those directions sooner, but explains a hundredth less of the stories.

The commands measure the recipe as it is. What is said of other settings was measured once: to
measure it again, change the setting in `engine.sae.traits` or `engine.sae.config`, or for another
start `initialise`, and run the command.
"""

import torch
from torch import Tensor

from engine.sae.architectures.auxk import add_auxk_gradient
from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.initialisation import fit_acts
from engine.sae.architectures.linear import Batch, UnitNormSAE, fire_counts, gradient
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.preactivations import estimated_top_k, preactivations, with_spare
from engine.sae.kernels.rerank import keep_top_k
from engine.sae.kernels.rounded import RoundedEncoder
from engine.sae.kernels.sharded import select_top_k
from engine.sae.kernels.support import Support, vectors_of


class CountingSAE(UnitNormSAE):
    """What TopK and BatchTopK share: a count selects the candidates, and acts = relu(pre)."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        assert config.k is not None
        self.k = config.k

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        super().initialise(sample, target)
        fit_acts(self, sample, target)

    def decode_at_first(self, x: Tensor) -> Tensor:
        support, products = self.candidates(self.centre(x), 1)
        return kernels_for(products).weighted_rows(self.W_dec, support, products.relu())

    def backward(self, batch: Batch, step: StepInput, config: TrainConfig) -> StepLosses:
        acts = self.acts_of_candidates(batch)  # [nnz]
        residual, residual_dots = self.residual_and_dots(batch, acts)  # [n, d_out], [nnz]
        squared_error = self.squared_norm(residual)

        self.add_decoder_gradient(batch, acts, residual)
        self.add_offset_gradients(batch, residual)
        # ∂L/∂act = −2 · weight · residual · W_dec[f];  ∂act/∂pre = [act > 0]
        grad_pre = residual_dots * (acts > 0) * (-2 * batch.weight)  # ∂L/∂pre [nnz]
        totals = self.totals(batch, grad_pre)
        self.add_encoder_gradients(batch, grad_pre, totals)
        gradient(self.b_enc).add_(totals)  # ∂L/∂b_enc [d_sae] = Σ_i ∂L/∂pre

        terms = add_auxk_gradient(self, batch, residual, step, config)
        loss = squared_error * batch.weight + sum(terms.values())
        return StepLosses(loss, squared_error, fire_counts(acts, batch.by_feature), terms)

    def acts_of_candidates(self, batch: Batch) -> Tensor:
        """relu(pre) of every candidate: [nnz]."""
        return (batch.products + self.b_enc[batch.support.features]).relu_()


class TopK(CountingSAE):
    """A TopK autoencoder."""

    def activate(self, products: Tensor) -> Tensor:
        pre = products + self.b_enc
        support = kernels_for(pre).select_top_k(pre, self.k)
        chosen = vectors_of(support), support.features.long()
        return torch.zeros_like(pre).index_put_(chosen, pre[chosen])

    def active_of_products(self, products: Tensor) -> tuple[Support, Tensor]:
        pre = products.add_(self.b_enc)
        support = kernels_for(pre).select_top_k(pre, self.k)
        vectors, features = vectors_of(support), support.features.long()
        order = (vectors * pre.shape[1] + features).argsort()
        features = features[order]
        return Support(support.offsets, features.int()), pre[vectors, features]

    def may_be_active(self, x: Tensor, encoder: RoundedEncoder) -> Support | None:
        return encoder.top_k(x, self.k)

    def active_of_candidates(self, support: Support, products: Tensor) -> tuple[Support, Tensor]:
        pre = products + self.b_enc[support.features]
        support, entries = keep_top_k(support, pre, self.k)
        return support, pre[entries]

    def candidates(self, x: Tensor, parts: int) -> tuple[Support, Tensor]:
        if not self.estimates_serve:
            blocks = preactivations(x, self.W_enc, self.b_enc, parts=parts)
            support = select_top_k(blocks, self.k, self.ranks.tensor_parallel)
            return support, kernels_for(x).dots(x, self.W_enc, support)
        more = min(self.features, with_spare(self.k))
        support = estimated_top_k(x, self.W_enc, self.b_enc, more, parts=parts)
        products = kernels_for(x).dots(x, self.W_enc, support)
        support, entries = keep_top_k(support, products + self.b_enc[support.features], self.k)
        return support, products[entries]
