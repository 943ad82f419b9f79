"""Trying edits of features, and seeing what follows."""

import asyncio
from collections.abc import Mapping
from typing import cast, get_args

import msgspec

from brainsurg_tui.controllers.chat_field import chat_field, chat_in_field
from brainsurg_tui.controllers.features import FeatureController
from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.controllers.submit import parse_number, parse_whole_number
from brainsurg_tui.screens.clamps import ClampChoice, ClampsDialog
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.clamp_draft import ClampDraft
from engine.service.protocol import (
    Clamp,
    DeleteClamp,
    GetClamp,
    GetClamps,
    NullKind,
    Unit,
    View,
    operations,
    parse_measure,
)

_PAUSE = 0.35
"""Seconds without another key before a changed draft is run."""


class ClampController:
    """Changes the draft of a clamp, and asks for a report when the keys have come to rest."""

    def __init__(self, shell: Shell, features: FeatureController) -> None:
        self._shell = shell
        self._features = features

    def clamp(self) -> None:
        """Clamp the marked or selected features; in the clamp pane, run the draft again."""
        main, clamp = self._shell.main, self._shell.state.clamp
        if not (main.active == "clamp" and clamp.draft.edits):
            clamp.set_draft(clamp.draft.of(main.selected_features()))
        main.go_to("clamp")
        self._run(0)

    def change(self, draft: ClampDraft) -> None:
        """Replace the draft, and run it unless it is empty or the same as before."""
        if draft == self._shell.state.clamp.draft:
            return
        self._shell.state.clamp.set_draft(draft)
        if draft.edits:
            self._run(_PAUSE)
        else:
            self.give_up()

    def give_up(self) -> None:
        """Do not wait for the report any more; the engine stops working on it."""
        self._shell.cancel("clamp")
        self._shell.state.clamp.end()

    def _run(self, pause: float) -> None:
        self._shell.state.clamp.begin()
        self._shell.begin("clamp", self._fetch_report, self._shell.state.clamp.draft, pause)

    async def _fetch_report(self, draft: ClampDraft, pause: float) -> None:
        shell, state = self._shell, self._shell.state
        await asyncio.sleep(pause)
        try:
            assert state.sae is not None
            prompts = shell.main.prompts.marked_prompts() or state.contents.prompts
            request = draft.request(state.sae, [prompt.prompt for prompt in prompts])
            report = await shell.ask(Clamp(request=request, device=shell.device))
            if request.sae == state.sae:
                state.clamp.set_report(request.sae, draft, report)
        finally:
            if draft is state.clamp.draft:  # a newer one has its own progress to show
                state.clamp.end()

    def list_earlier(self) -> None:
        """Show which reports the workspace keeps, and let the user choose one."""
        self._shell.begin("earlier clamps", self._list_earlier)

    async def _list_earlier(self) -> None:
        kept = await self._shell.ask(GetClamps())
        self._shell.push_screen(
            ClampsDialog(kept, ascii_only=self._shell.ascii_only), self._on_choice
        )

    def _on_choice(self, choice: ClampChoice | None) -> None:
        match choice:
            case ClampChoice(action="open", id=id):
                self._shell.begin("earlier clamps", self._open, id)
            case ClampChoice(action="delete", id=id):
                self._shell.begin("earlier clamps", self._delete, id)

    async def _open(self, id: int) -> None:
        """Show a report, and use the SAE that it is about, if that is still there."""
        shell, state = self._shell, self._shell.state
        kept = await shell.ask(GetClamp(id=id))
        sae = kept.request.sae
        self.give_up()
        draft = None
        if any(known.name == sae for known in state.contents.saes):
            self._features.choose_sae(sae)
            draft = ClampDraft.from_request(kept.request)
        else:
            shell.say(f"The SAE {sae} isn't there any more: this is what was found with it.")
        state.clamp.open(sae, draft, kept.report)

    async def _delete(self, id: int) -> None:
        await self._shell.ask(DeleteClamp(id=id))
        await self._list_earlier()

    def settings(self) -> None:
        """Let the user type operation, value, unit, view, length and nulls in a form."""
        draft = self._shell.state.clamp.draft
        edit = draft.edits[0]
        names = tuple(operation.name for operation in operations())
        fields = [
            Field("operation", "operation", edit.operation, choices=names, free=False),
            Field("value", "value", f"{edit.value:g}", "A number; nothing counts for ablate."),
            Field(
                "unit",
                "unit",
                edit.unit,
                "max: times its maximum over the scanned text; absolute: as it is.",
                get_args(Unit),
                False,
            ),
            Field(
                "view",
                "view",
                draft.view,
                "model: inside the running model; reconstruction: the seed's experiment.",
                get_args(View),
                False,
            ),
            Field("generate", "tokens", str(draft.generate), "Tokens to write after each prompt."),
            Field(
                "measures",
                "measure",
                "; ".join(draft.measures),
                "logp:Paris,Lyon · logp:he vs she · rank:Paris · promoted:10 · feature:731 · "
                "shift:resid_post.20; several with ; between.",
                ("", "promoted:10"),
                empty="KL alone",
                shown=_in_model,
            ),
            Field(
                "nulls",
                "nulls",
                _nulls_text(draft),
                "How many to compare with; 20..200 draws more until the answer is clear.",
                shown=_in_model,
            ),
            Field(
                "null",
                "compared with",
                draft.null,
                "matched: random features of like density and maximum; directions: random ones.",
                get_args(NullKind),
                False,
                shown=_in_model,
            ),
            chat_field(draft.chat),
        ]
        features = ", ".join(str(edit.feature) for edit in draft.edits)
        self._shell.push_screen(Form(f"Clamp {features}", fields, self._use_form, verb="run"))

    async def _use_form(self, values: dict[str, str]) -> None:
        draft = self._shell.state.clamp.draft.set(
            values["operation"],
            parse_number(values["value"], "value"),
            cast(Unit, values["unit"]),
        )
        measures = draft.measures  # of another view they aren't asked for, and are kept
        if _in_model(values):
            typed = filter(None, map(str.strip, values["measures"].split(";")))
            measures = tuple(str(parse_measure(text)) for text in typed)
        first, _, most = (values["nulls"] or _nulls_text(draft)).partition("..")
        self.change(
            msgspec.structs.replace(
                draft,
                view=cast(View, values["view"]),
                generate=parse_whole_number(values["generate"], "tokens"),
                nulls=parse_whole_number(first, "nulls"),
                most_nulls=parse_whole_number(most, "nulls") if most else 0,
                null=cast(NullKind, values["null"] or draft.null),
                measures=measures,
                chat=chat_in_field(values["chat"], draft.chat),
            )
        )


def _in_model(values: Mapping[str, str]) -> bool:
    return values["view"] == "model"


def _nulls_text(draft: ClampDraft) -> str:
    """`20`, or `20..200` where more are drawn until the answer is clear."""
    more = f"..{draft.most_nulls}" if draft.most_nulls > draft.nulls else ""
    return f"{draft.nulls}{more}"
