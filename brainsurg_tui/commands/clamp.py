"""`clamp`: change features and see what follows."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common, absolute, wrong_usage
from brainsurg_tui.commands.following import ask_long
from brainsurg_tui.commands.saes import ensure_scanned
from engine.service import protocol as p
from engine.service.client import Client

Several = Parameter(consume_multiple=True, negative="")


def clamp(
    sae: str,
    *,
    feature: Annotated[list[int] | None, Parameter(negative="")] = None,
    value: float | None = None,
    times_max: float | None = None,
    ablate: Annotated[bool, Parameter(negative="")] = False,
    scale: float | None = None,
    add: float | None = None,
    edit: Annotated[list[str] | None, Parameter(negative="")] = None,
    prompts: Path | None = None,
    prompt: Annotated[list[str] | None, Several] = None,
    positions: str = "0:",
    generate: int = 24,
    nulls: int = 20,
    view: Literal["model", "reconstruction"] = "model",
    chat: Annotated[bool, Parameter(negative="")] = False,
    common: Common | None = None,
) -> None:
    """Change features of an SAE and measure what follows, beside matched random features.

    Parameters
    ----------
    sae
        The SAE; it is scanned first if that has not been done.
    feature
        The feature to change; may be given several times.
    value
        Hold it at this activation.
    times_max
        Hold it at this many times its maximum over the scanned corpus (1 if nothing is said).
    ablate
        Hold it at zero.
    scale
        Multiply its activation.
    add
        Add this many times its maximum.
    edit
        One feature with an operation of its own, such as 3041=5x (5 times its maximum), 3041=2.5,
        3041*0.5 or 3041+1x; may be given several times, and replaces the options above.
    prompts
        A file of prompts: .txt, .jsonl or .json.
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
    chat
        Put each prompt into the tokenizer's chat template.
    """
    common = common or Common()
    if (prompts is None) == (prompt is None):
        wrong_usage("give either --prompts or --prompt.")
    if (feature is None) == (edit is None):
        wrong_usage("give either --feature or --edit.")
    request = p.ClampRequest(
        sae=sae,
        edits=[p.parse_edit(text) for text in edit or []]
        + [
            _edit(one, value=value, times_max=times_max, ablate=ablate, scale=scale, add=add)
            for one in feature or []
        ],
        prompts=prompt or [],
        prompt_file="" if prompts is None else absolute(prompts),
        view=view,
        positions=_positions(positions),
        generate=generate,
        nulls=nulls,
        seed=common.seed,
        chat=chat,
    )

    async def talk(client: Client) -> p.ClampReport:
        await ensure_scanned(client, sae, common)
        return await ask_long(client, p.Clamp(request=request, device=common.device))

    report = common.run(talk)
    common.tell(report, lambda: tables.clamp(report))


def _edit(
    feature: int,
    *,
    value: float | None,
    times_max: float | None,
    ablate: bool,
    scale: float | None,
    add: float | None,
) -> p.FeatureEdit:
    said = [value is not None, times_max is not None, ablate, scale is not None, add is not None]
    if sum(said) > 1:
        wrong_usage("give one of --value, --times-max, --ablate, --scale and --add.")
    if ablate:
        return p.FeatureEdit(feature=feature, operation="ablate")
    if scale is not None:
        return p.FeatureEdit(feature=feature, operation="scale", value=scale)
    if add is not None:
        return p.FeatureEdit(feature=feature, operation="add", value=add, unit="max")
    if value is not None:
        return p.FeatureEdit(feature=feature, operation="clamp", value=value)
    times = 1.0 if times_max is None else times_max
    return p.FeatureEdit(feature=feature, operation="clamp", value=times, unit="max")


def _positions(text: str) -> tuple[int, int | None]:
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(last) if last else None
    except ValueError:
        wrong_usage(f"--positions is A:B, such as 3:8 or 5:, and not {text!r}.")
