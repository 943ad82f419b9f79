"""`clamp`: change features and see what follows."""

import sys
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from brainsurg_tui.commands.common import Common, absolute, wrong_usage
from brainsurg_tui.commands.files import write_beside
from brainsurg_tui.commands.options import (
    Chat,
    ChatTemplate,
    DeviceMap,
    ModelDtype,
    Prompts,
    Quantize,
    SAEModel,
    ScannedSAE,
    System,
)
from brainsurg_tui.commands.progress import ask_with_progress, ensure_scanned
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


@dataclass(frozen=True, kw_only=True)
class _Features:
    """The features to change."""

    feature: list[int] = field(default_factory=list)
    """The feature to change; may be given several times."""


FLAGS = {flag.name: (operation, flag) for operation in p.operations() for flag in operation.flags}
"""The options that choose an operation, by their names as fields."""

if TYPE_CHECKING:
    _Operations = _Features
else:  # a field for each of `FLAGS`: a switch, or the value that the operation takes
    _Operations = make_dataclass(
        "_Operations",
        [
            (name, Annotated[bool, Parameter(help=flag.help)], False)
            if operation.takes == "nothing"
            else (name, Annotated[float | None, Parameter(help=flag.help)], None)
            for name, (operation, flag) in FLAGS.items()
        ],
        bases=(_Features,),
        frozen=True,
        kw_only=True,
    )


@Parameter(name="*", group=Group("What to change", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class EditOptions(_Operations):
    """Features, and one operation for all of them or one for each."""

    edit: list[str] = field(default_factory=list)
    """Instead of all these: one feature with an operation of its own, such as 3041=5x (5 times its
    maximum), 3041=2.5, 3041*0.5 or 3041+1x; may be given several times."""

    def edits(self) -> list[p.FeatureEdit]:
        """The edits that these options ask for; ends the command where that isn't clear."""
        values = {name: getattr(self, name) for name in FLAGS}
        given = {k: v for k, v in values.items() if v is not None and v is not False}
        if len(given) > 1:
            *others, last = (f"--{name.replace('_', '-')}" for name in FLAGS)
            wrong_usage(f"Give one of {', '.join(others)} and {last}.")
        if bool(self.feature) == bool(self.edit):
            wrong_usage("Give either --feature or --edit.")
        if self.edit and given:
            wrong_usage("--edit tells the operation, too: leave the other out, or give --feature.")
        name, value = next(iter(given.items()), ("times_max", 1.0))
        operation, flag = FLAGS[name]
        value = 0.0 if operation.takes == "nothing" else value
        return [p.parse_edit(text) for text in self.edit] + [
            p.FeatureEdit(feature=one, operation=operation.name, value=value, unit=flag.unit)
            for one in self.feature
        ]


def clamp(
    sae: ScannedSAE,
    *,
    change: EditOptions = EditOptions(),
    prompts: Prompts = None,
    prompt: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    positions: str = "0:",
    generate: int = 24,
    measure: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    strengths: Annotated[str, Parameter(allow_leading_hyphen=True)] = "",
    curve: bool = False,
    nulls: int = 20,
    null: p.NullKind = "matched",
    most_nulls: int = 0,
    view: p.View = "model",
    chat: Chat = False,
    chat_template: ChatTemplate = "",
    system: System = "",
    model: SAEModel = None,
    model_dtype: ModelDtype = "auto",
    quantize: Quantize = "auto",
    device_map: DeviceMap = "",
    report: Path | None = None,
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
    measure
        What to measure beside KL, one after another: logp:Paris,Lyon (how much likelier one of
        these tokens becomes), logp:Paris vs Rome, rank:Paris, promoted:10 (logp of the ten tokens
        that the feature promotes most), feature:731 (another feature's activation),
        shift:resid_post.20 (a later site).
    strengths
        Draw a curve over these: multiples of the maximum, or factors, with commas between them.
    curve
        The same over the usual strengths, from -2 to 10.
    nulls
        How many nulls to compare with.
    null
        `matched` random features, alike in density and maximum, or random `directions` of the
        same length.
    most_nulls
        Draw more, as many at a time, until the test over all prompts is clear or there are so many.
    report
        Write it into this folder, too: as a page, in Markdown, every figure as CSV, all as JSON. A
        file that is there is never written over.
    view
        `model` edits inside the running model; `reconstruction` decodes twice and compares.
    """
    if (prompts is None) == (prompt is None):
        wrong_usage("Give either --prompts or --prompt.")
    request = p.ClampRequest(
        sae=sae,
        edits=change.edits(),
        prompts=[*(prompt or [])],
        prompt_file="" if prompts is None else absolute(prompts),
        view=view,
        positions=_positions(positions),
        generate=generate,
        nulls=nulls,
        null=null,
        most_nulls=most_nulls,
        measures=measure or [],
        strengths=_strengths(strengths) or ([*p.USUAL_STRENGTHS] if curve else []),
        seed=common.seed,
        chat=p.chat_choice(chat=chat, template=chat_template, system=system),
        model=None if model is None else p.absolute_source(model),
        model_dtype=model_dtype,
        quantize=quantize,
        device_map=p.absolute_source(device_map),
    )

    async def talk(client: "Client") -> p.ClampReport:
        await ensure_scanned(client, sae, common)
        return await ask_with_progress(client, p.Clamp(request=request, device=common.device))

    found = common.run(talk)
    common.print_result(found)
    if report is not None:
        from brainsurg_tui.panes.clamp.documents import report_files  # templates, once wanted

        for path in write_beside(report, report_files(sae, found)):
            print(visible(str(path)), file=sys.stderr)


def _strengths(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        wrong_usage(f"--strengths is a list of numbers, such as -1,0,1,2.5, and not {text!r}.")


def _positions(text: str) -> tuple[int, int | None]:
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(last) if last else None
    except ValueError:
        wrong_usage(f"--positions is A:B, such as 3:8 or 5:, and not {text!r}.")
