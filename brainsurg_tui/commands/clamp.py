"""`clamp`: change features and see what follows."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from brainsurg_tui.commands.common import Common, absolute, model_source, wrong_usage
from brainsurg_tui.commands.options import Chat, Prompts, SAEModel, ScannedSAE
from brainsurg_tui.commands.progress import ask_with_progress, ensure_scanned
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


@Parameter(name="*", group=Group("What to change", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class Change:
    """Features, and one operation for all of them or one for each."""

    feature: list[int] = field(default_factory=list)
    """The feature to change; may be given several times."""
    value: float | None = None
    """Hold it at this activation."""
    times_max: float | None = None
    """Hold it at this many times its maximum over the scanned corpus (1 if nothing is said)."""
    ablate: bool = False
    """Hold it at zero."""
    scale: float | None = None
    """Multiply its activation."""
    add: float | None = None
    """Add this many times its maximum."""
    edit: list[str] = field(default_factory=list)
    """Instead of all these: one feature with an operation of its own, such as 3041=5x (5 times its
    maximum), 3041=2.5, 3041*0.5 or 3041+1x; may be given several times."""

    def edits(self) -> list[p.FeatureEdit]:
        """What is to be done; ends the command where that isn't clear."""
        operations: list[tuple[p.Operation, float | None, p.Unit]] = [
            ("clamp", self.value, "absolute"),
            ("clamp", self.times_max, "max"),
            ("ablate", 0.0 if self.ablate else None, "absolute"),
            ("scale", self.scale, "absolute"),
            ("add", self.add, "max"),
        ]
        said = [(name, value, unit) for name, value, unit in operations if value is not None]
        if len(said) > 1:
            wrong_usage("Give one of --value, --times-max, --ablate, --scale and --add.")
        if bool(self.feature) == bool(self.edit):
            wrong_usage("Give either --feature or --edit.")
        if self.edit and said:
            wrong_usage("--edit tells the operation, too: leave the other out, or give --feature.")
        operation, value, unit = said[0] if said else ("clamp", 1.0, "max")
        return [p.parse_edit(text) for text in self.edit] + [
            p.FeatureEdit(feature=one, operation=operation, value=value, unit=unit)
            for one in self.feature
        ]


def clamp(
    sae: ScannedSAE,
    *,
    change: Change = Change(),
    prompts: Prompts = None,
    prompt: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    positions: str = "0:",
    generate: int = 24,
    nulls: int = 20,
    view: p.View = "model",
    chat: Chat = False,
    model: SAEModel = None,
    common: Common = Common(),
) -> None:
    """Change features of an SAE and measure what follows, beside matched random features.

    Parameters
    ----------
    prompt
        Prompts, one after another.
    positions
        A:B, the token positions to edit, from A up to but not including B.
    generate
        Tokens to write after each prompt.
    nulls
        How many matched random features to compare with.
    view
        `model` edits inside the running model; `reconstruction` decodes twice and compares.
    """
    if (prompts is None) == (prompt is None):
        wrong_usage("Give either --prompts or --prompt.")
    request = p.ClampRequest(
        sae=sae,
        edits=change.edits(),
        prompts=prompt or [],
        prompt_file="" if prompts is None else absolute(prompts),
        view=view,
        positions=_positions(positions),
        generate=generate,
        nulls=nulls,
        seed=common.seed,
        chat=chat,
        model=None if model is None else model_source(model),
    )

    async def talk(client: "Client") -> p.ClampReport:
        await ensure_scanned(client, sae, common)
        return await ask_with_progress(client, p.Clamp(request=request, device=common.device))

    report = common.run(talk)
    common.print_result(report)


def _positions(text: str) -> tuple[int, int | None]:
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(last) if last else None
    except ValueError:
        wrong_usage(f"--positions is A:B, such as 3:8 or 5:, and not {text!r}.")
