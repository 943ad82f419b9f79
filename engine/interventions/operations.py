"""What can be done to a feature's activation z, each an `Operation` (torch-free).

A new operation is an entry here. From it follow how it is typed (`3041=5x`), the flags of
`brainsurg clamp`, the order in which the app turns from one to the next, how it is applied to
tensors, its nulls, and what reports and tables call it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:  # it is applied where torch is; whoever only names it needs none
    from torch import Tensor

Unit = Literal["absolute", "max"]
"""What a value counts: activation as it is, or times the feature's maximum M over a corpus."""

Takes = Literal["nothing", "factor", "activation"]
"""What the value of an operation is: none, a bare factor, or an activation in a `Unit`."""


class Flag(NamedTuple):
    """An option of `brainsurg clamp` that chooses an operation."""

    name: str
    unit: Unit
    help: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that can be done to a feature: z' from z and an amount."""

    name: str
    """In requests, reports and their JSON."""
    takes: Takes
    apply: "Callable[[Tensor, float], Tensor]"
    """z' for the present activation z, of any shape, and an amount: an activation or a factor."""
    sign: str
    """Between feature and value where an edit is typed; with nothing to take, all that follows the
    feature."""
    flags: tuple[Flag, ...]
    """Options of `brainsurg clamp`, one for each unit that has one."""
    default: float
    """The value at which the app begins: of activations, in units of the maximum."""
    words: Callable[[float, str], str]
    """What it does, behind the feature's number, from the value and its absolute value as text."""

    @property
    def has_unit(self) -> bool:
        """Whether its value is an activation, so that it matters what it counts."""
        return self.takes == "activation"


_operations: dict[str, Operation] = {}


def register(operation: Operation) -> Operation:
    """Add an operation behind the others; one of the same name is replaced."""
    _operations[operation.name] = operation
    return operation


def unregister(name: str) -> None:
    """Take an operation away."""
    del _operations[name]


def operations() -> tuple[Operation, ...]:
    """All operations, in the order in which the app turns from one to the next."""
    return tuple(_operations.values())


def find_operation(name: str) -> Operation:
    """The operation of this name. Raises ValueError if there is none."""
    if name not in _operations:
        raise ValueError(f"no operation {name!r}: there are {', '.join(_operations)}")
    return _operations[name]


CLAMP = register(
    Operation(
        name="clamp",
        takes="activation",
        apply=lambda z, amount: z.new_full(z.shape, amount),
        sign="=",
        flags=(
            Flag("value", "absolute", "Hold it at this activation."),
            Flag(
                "times_max",
                "max",
                "Hold it at this many times its maximum over the scanned corpus (1 if nothing is"
                " said).",
            ),
        ),
        default=1.0,
        words=lambda value, size: f"= {_minus(value)}{size}",
    )
)
ABLATE = register(
    Operation(
        name="ablate",
        takes="nothing",
        apply=lambda z, amount: z.new_zeros(z.shape),
        sign="=off",
        flags=(Flag("ablate", "absolute", "Hold it at zero."),),
        default=0.0,
        words=lambda value, size: "ablated",
    )
)
SCALE = register(
    Operation(
        name="scale",
        takes="factor",
        apply=lambda z, amount: z * amount,
        sign="*",
        flags=(Flag("scale", "absolute", "Multiply its activation."),),
        default=2.0,
        words=lambda value, size: f"× {_minus(value)}{size}",
    )
)
ADD = register(
    Operation(
        name="add",
        takes="activation",
        apply=lambda z, amount: z + amount,
        sign="+",
        flags=(Flag("add", "max", "Add this many times its maximum."),),
        default=1.0,
        words=lambda value, size: f"{_minus(value) or '+'} {size}",
    )
)


def _minus(value: float) -> str:
    return "−" if value < 0 else ""
