"""What a norm of a model does, measured by running it: norms keep their weight as it is, as one
plus it, or have none, and the numbers that they add to a variance have many names."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

_LARGE = 1024.0
"""Size of activations beside which what a norm adds to their variance is nothing."""
_SMALL = 1e-3
"""Size of activations beside which it is not, of the 1e-5 or 1e-6 that is usual."""

_measured: WeakKeyDictionary[nn.Module, dict[torch.dtype, "Norm"]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Norm:
    """x ↦ gain · normalise(x) + bias over d_model dimensions, all in float32."""

    centres: bool
    """Whether it takes the mean away first: a layer norm does, an RMS norm does not."""
    epsilon: float
    """What it adds to the variance, or to the mean square."""
    gain: Tensor
    """[d_model]"""
    bias: Tensor
    """[d_model]"""

    def __call__(self, x: Tensor) -> Tensor:
        """What the norm makes of x [..., d_model], in float32."""
        return self.scale(self.normalise(x)) + self.bias.to(x.device)

    def normalise(self, x: Tensor) -> Tensor:
        """x [..., d_model] without gain and bias, in float32: x / rms, of a layer norm centred."""
        x = x.float()
        if self.centres:
            x = x - x.mean(-1, keepdim=True)
        return x * (x.square().mean(-1, keepdim=True) + self.epsilon).rsqrt()

    def scale(self, x: Tensor) -> Tensor:
        """How far differences between normalised vectors [..., d_model] move the output."""
        return x.float() * self.gain.to(x.device)

    def unscale(self, y: Tensor) -> Tensor:
        """What differences between normalised vectors move the output by these [..., d_model]; 0 in
        dimensions whose gain is 0."""
        gain = self.gain.to(y.device)
        return torch.where(gain == 0, 0, y.float() / gain)


@torch.no_grad()
def measure_norm(norm: nn.Module, like: Tensor) -> Norm:
    """What `norm` does to vectors of the width, device and type of `like` [..., d_model].

    It is run on vectors of mean 0 and one size in every dimension: norm(x) = gain · x / |x| + bias,
    but for what is added to the variance. Measured once; its weights must not change after that.
    """
    of_norm = _measured.setdefault(norm, {})
    if like.dtype not in of_norm:
        of_norm[like.dtype] = _measure(norm, like)
    return of_norm[like.dtype]


def _measure(norm: nn.Module, like: Tensor) -> Norm:
    width = like.shape[-1]
    signs = torch.ones(width, device=like.device)
    signs[::2] = -1
    signs = signs - signs.mean()
    signs = signs / signs.square().mean().sqrt()
    plus, minus = (_run(norm, sign * _LARGE * signs, like) for sign in (1, -1))
    gain = (plus - minus) / (2 * signs)
    ones = torch.full((width,), _LARGE, device=like.device)
    centres = torch.equal(_run(norm, ones, like), _run(norm, -ones, like))
    small = (_run(norm, _SMALL * signs, like) - _run(norm, -_SMALL * signs, like)) / 2
    shrunk = small.norm() / (gain * signs).norm()  # _SMALL / √(_SMALL² + ε)
    epsilon = (_SMALL / shrunk).square() - _SMALL**2
    epsilon = epsilon.nan_to_num(0.0, 0.0, 0.0).clamp_min(0).item()
    return Norm(centres, epsilon, gain, (plus + minus) / 2)


def _run(norm: nn.Module, x: Tensor, like: Tensor) -> Tensor:
    """norm(x) [d_model] in float32, computed in it where the norm takes it."""
    try:
        y: Tensor = norm(x[None])
    except RuntimeError:  # a layer norm of PyTorch's wants the type of its own weights
        y = norm(x[None].to(like.dtype))
    return y[0].to(x.device).float()
