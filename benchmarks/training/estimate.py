"""How long a command will take, told before it starts."""

from collections.abc import Sequence

from benchmarks.training.messages import FEWEST_STEPS, Request
from benchmarks.training.sizes import SIZES
from benchmarks.training.trainers import TRAINERS

STARTUP = 12.0
"""Seconds for a process to import its library, make the vectors and measure the reference."""
OVERHEAD = 0.005
"""Seconds a step beside its products."""
SCORING = 4.0
"""Encoder products of a batch that a score takes, over held-out vectors and true directions."""


def seconds(request: Request, fp32_rate: float) -> float:
    """Roughly what a run takes, on a machine with this rate of products (operations/s)."""
    size = SIZES[request.size]
    product = size.step_operations / fp32_rate
    step = OVERHEAD + TRAINERS[request.trainer].products * product
    if request.seconds is None:
        scores = request.steps // request.score_every if request.score_every else 0
        return STARTUP + request.steps * step + scores * (0.5 + SCORING * product)
    return STARTUP + request.warmup * step + max(request.seconds, FEWEST_STEPS * step)


def announce(requests: Sequence[Request], rounds: int, fp32_rate: float) -> None:
    """Print what is about to happen, and how long it will take."""
    total = rounds * sum(seconds(request, fp32_rate) for request in requests)
    first = requests[0]
    print(
        f"{first.architecture}, size {first.size}: {len(requests)} trainers, {rounds} rounds; "
        f"about {total / 60:.0f} minutes",
        flush=True,
    )
