"""Adam, with what belongs to its step: lengths of gradients, unit rows, clearing the gradients."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from engine.sae.config import TrainConfig
from engine.sae.kernels.choose import kernels_for


class Adam(torch.optim.Adam):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980), as PyTorch has it.

    On a processor each row of a weight is gone through once, by one kernel: in a step of a wide
    autoencoder, going through memory is what its optimiser costs.
    """

    def __init__(
        self, parameters: Iterable[Parameter], config: TrainConfig, unit_rows: Sequence[Parameter]
    ) -> None:
        """`unit_rows`: the parameters whose rows keep length 1. What a gradient has along its row
        would only change the length: it is taken out before it reaches the moments."""
        super().__init__(parameters, config.lr, betas=config.betas, eps=config.eps, fused=True)
        self._unit_rows = {id(parameter) for parameter in unit_rows}
        self.squared_norms: list[Tensor] = []
        """Σ grad² of each parameter in the last step, before anything was taken out: scalars."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step with every `.grad`, which is 0 afterwards."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        if all(p.device.type == "cpu" and p.dtype == torch.float32 for p in parameters):
            self.squared_norms = [self._step_by_rows(p, self.param_groups[0]) for p in parameters]
            return
        self.squared_norms = [_gradient(p).square().sum() for p in parameters]
        units = [p for p in parameters if id(p) in self._unit_rows]
        for p in units:
            kernels_for(p).remove_parallel(_gradient(p), p)
        super().step()
        for p in units:
            kernels_for(p).normalise_rows(p)
        self.zero_grad(set_to_none=False)

    def _step_by_rows(self, parameter: Parameter, group: dict[str, Any]) -> Tensor:
        """A step of one parameter; gives Σ grad²."""
        from engine.sae.kernels.cpu.adam import adam_rows

        state = self.state[parameter]
        if not state:  # as PyTorch begins one
            state["step"] = torch.zeros(())
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(parameter) for _ in range(2))
        state["step"] += 1
        done, (beta1, beta2) = state["step"].item(), group["betas"]
        squares = adam_rows(
            _rows(parameter),
            _rows(_gradient(parameter)),
            (_rows(state["exp_avg"]), _rows(state["exp_avg_sq"])),
            group["betas"],
            step_size=float(group["lr"]) / (1 - beta1**done),
            correction=(1 - beta2**done) ** -0.5,
            eps=group["eps"],
            unit=id(parameter) in self._unit_rows,
        )
        return squares.sum()


def _rows(tensor: Tensor) -> Tensor:
    """[F, d] as it is; any other shape as a single row. It stays the same memory."""
    return tensor.detach().view(tensor.shape if tensor.dim() == 2 else (1, -1))


def _gradient(parameter: Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad
