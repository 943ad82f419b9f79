"""The clamp that is being prepared: edits and how to look at what follows from them.

An immutable value and small functions that return the next one, so that every key in the clamp
pane is one line, and a draft can be compared with the report that answers it.
"""

from collections.abc import Callable

import msgspec

from engine.service.protocol import (
    USUAL_STRENGTHS,
    ChatChoice,
    ClampRequest,
    FeatureEdit,
    NullKind,
    View,
    find_operation,
    operations,
)

_STEPS = (-10.0, -5.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0)
"""The strengths that + and - walk, in multiples of the feature's maximum."""


class ClampDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A clamp request that still lacks its SAE and its prompts."""

    edits: tuple[FeatureEdit, ...] = ()
    view: View = "model"
    generate: int = 24
    nulls: int = 20
    null: NullKind = "matched"
    most_nulls: int = 0
    measures: tuple[str, ...] = ()
    """Beside KL, in the notation of `engine.interventions.measure_notation`."""
    strengths: tuple[float, ...] = ()
    """Over which a curve is drawn, too; none: no curve."""
    chat: ChatChoice = False
    """Whether prompts are put into a chat template."""

    def request(self, sae: str, prompts: list[str]) -> ClampRequest:
        """What to ask the engine."""
        return ClampRequest(
            sae=sae,
            edits=list(self.edits),
            prompts=[*prompts],
            view=self.view,
            generate=self.generate,
            nulls=self.nulls,
            null=self.null,
            most_nulls=self.most_nulls,
            measures=[*self.measures],
            strengths=[*self.strengths] if self._has_strengths() else [],
            chat=self.chat,
        )

    @classmethod
    def from_request(cls, request: ClampRequest) -> "ClampDraft":
        """The draft that a request was made of."""
        return cls(
            edits=tuple(request.edits),
            view=request.view,
            generate=request.generate,
            nulls=request.nulls,
            null=request.null,
            most_nulls=request.most_nulls,
            measures=tuple(request.measures),
            strengths=tuple(request.strengths),
            chat=request.chat,
        )

    def of(self, features: list[int]) -> "ClampDraft":
        """The same draft on these features, keeping what was set for those it had."""
        had = {edit.feature: edit for edit in self.edits}
        first = self.edits[0] if self.edits else _first_edit()
        edits = [had.get(f) or msgspec.structs.replace(first, feature=f) for f in features]
        return msgspec.structs.replace(self, edits=tuple(edits))

    def set(self, operation: str, value: float, unit: str) -> "ClampDraft":
        """The same draft with every edit doing this."""
        return self._each(operation=operation, value=value, unit=unit)

    def next_operation(self) -> "ClampDraft":
        """The operation after the present one, at its usual value."""
        if not self.edits:
            return self
        choices = operations()
        place = choices.index(find_operation(self.edits[0].operation))
        following = choices[(place + 1) % len(choices)]
        return self._each(operation=following.name, value=following.default)

    def other_view(self) -> "ClampDraft":
        """Inside the running model, or the seed's view: the reconstruction alone."""
        view: View = "reconstruction" if self.view == "model" else "model"
        return msgspec.structs.replace(self, view=view)

    def with_curve(self) -> "ClampDraft":
        """The draft with a curve over the usual strengths, or without one where it had one."""
        strengths = () if self.strengths else USUAL_STRENGTHS
        return msgspec.structs.replace(self, strengths=strengths)

    def stronger(self, steps: int) -> "ClampDraft":
        """`steps` places up (or down) the ladder of strengths; zero stays in the way."""
        return self._each_value(lambda value: _along(value, steps))

    def zero(self) -> "ClampDraft":
        """The feature is held at zero."""
        return self._each(operation="clamp", value=0.0)

    def without_last(self) -> "ClampDraft":
        """The draft without the edit that was added last."""
        return msgspec.structs.replace(self, edits=self.edits[:-1])

    def _has_strengths(self) -> bool:
        """Whether there is more than one strength to every edit, inside the model."""
        takes = [find_operation(edit.operation).takes for edit in self.edits]
        return self.view == "model" and "nothing" not in takes

    def _each(self, **fields: object) -> "ClampDraft":
        edits = tuple(msgspec.structs.replace(edit, **fields) for edit in self.edits)
        return msgspec.structs.replace(self, edits=edits)

    def _each_value(self, change: Callable[[float], float]) -> "ClampDraft":
        edits = tuple(
            msgspec.structs.replace(edit, value=change(edit.value))
            if find_operation(edit.operation).takes != "nothing"
            else edit
            for edit in self.edits
        )
        return msgspec.structs.replace(self, edits=edits)


def _first_edit() -> FeatureEdit:
    """What is tried first: the feature held at its own maximum, which no text is beyond."""
    first = operations()[0]
    return FeatureEdit(feature=0, operation=first.name, value=first.default, unit="max")


def _along(value: float, steps: int) -> float:
    """The next rung above (steps > 0) or below `value`; beyond the ladder, half as much again."""
    for _ in range(abs(steps)):
        if steps > 0:
            value = next((rung for rung in _STEPS if rung > value), value * 1.5)
        else:
            lower = [rung for rung in _STEPS if rung < value]
            value = lower[-1] if lower else value * 1.5
    return value
