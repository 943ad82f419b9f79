"""Searching for features: those that fire in a prompt, tell two texts apart, or know a pattern."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from brainsurg_tui.controllers.submit import parse_whole_number
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.search_results import SearchAnswer, SearchRequest, SearchResults
from brainsurg_tui.state.visits import FeatureRef
from brainsurg_tui.terminal.escapes import escape, unescape
from engine.errors import UserError
from engine.service.protocol import (
    FindContrast,
    FindFiring,
    Grep,
    GrepReport,
    Progressed,
    Reply,
    TextSource,
)

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

_PAUSE = 0.15
"""Seconds that the cursor rests on a feature before its hits and misses are asked for."""
_ABOUT_ONE = ("detail", "snippets")
"""Where one feature is what it is all about: a pattern that is searched for there judges it."""
_COUNTS, _IGNORED = "yes", "no"
"""Whether a capital is another letter than a small one."""


class SearchController:
    """One search at a time; the sheet of findings shows the last."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    # Asking

    def firing(self) -> None:
        """Search for what fires in the prompt under the cursor."""
        state = self._app.state
        prompt = self._app.main.prompts.copied()
        if prompt and state.sae is not None:
            self._search(FindFiring(sae=state.sae, prompt=prompt, device=self._app.device))

    def contrast(self) -> None:
        """Contrast the two marked prompts; else let the user say what with what."""
        state, prompts = self._app.state, self._app.main.prompts
        if state.sae is None:
            return
        marked = [prompt.prompt for prompt in prompts.marked()]
        a, *others = marked or [prompts.copied()]
        search = FindContrast(
            sae=state.sae,
            a=TextSource(text=a),
            b=TextSource(text=next(iter(others), "")),
            device=self._app.device,
        )
        if len(marked) == 2:
            self._search(search)
        else:
            self._ask_contrast(search)

    def grep(self) -> None:
        """Let the user type a pattern to search the corpus for."""
        if self._app.state.sae is not None:
            last = self._app.workspace_memory.forms.get("grep", {}).get("pattern", "")
            looked_at = self._app.main.active in _ABOUT_ONE
            about = self._app.state.feature if looked_at else None
            self._ask_grep(Grep(sae=self._app.state.sae, pattern=last), about)

    def again(self) -> None:
        """Let the user change what was searched for."""
        results = self._app.state.search_results
        match None if results is None else results.search:
            case FindFiring() as search:
                self._ask_firing(search)
            case FindContrast() as search:
                self._ask_contrast(search)
            case Grep() as search:
                self._ask_grep(search, None if results is None else results.about)

    def _ask_firing(self, search: FindFiring) -> None:
        fields = [
            Field("prompt", "prompt", escape(search.prompt), r"Any text; \n for a new line."),
            Field(
                "target",
                "next token",
                escape(search.target or ""),
                "The one to explain: attributions and effects are about its probability.",
                empty="the likeliest",
            ),
            Field(
                "ablate",
                "ablate",
                str(search.ablate),
                "So many of the strongest by attribution are ablated for real.",
            ),
        ]

        async def send(values: dict[str, str]) -> None:
            self._search(
                msgspec.structs.replace(
                    search,
                    prompt=unescape(values["prompt"]),
                    target=unescape(values["target"]) or None,
                    ablate=parse_whole_number(values["ablate"], "ablate"),
                )
            )

        self._app.push_screen(Form("Features that fire", fields, send, verb="search"))

    def _ask_contrast(self, search: FindContrast) -> None:
        prompts = tuple(escape(known.prompt) for known in self._app.state.contents.prompts)
        help = "A text, or the path of a file of prompts or documents."
        fields = [
            Field(name, label, source.file or escape(source.text), help, prompts)
            for name, label, source in (("a", "this", search.a), ("b", "against", search.b))
        ]

        async def send(values: dict[str, str]) -> None:
            a, b = _source(values["a"]), _source(values["b"])
            self._search(msgspec.structs.replace(search, a=a, b=b))

        self._app.push_screen(Form("Contrast two texts", fields, send, verb="contrast"))

    def _ask_grep(self, search: Grep, about: int | None) -> None:
        fields = [
            Field(
                "pattern",
                "pattern",
                search.pattern,
                "A regular expression over the scanned text.",
            ),
            Field(
                "case",
                "case counts",
                _IGNORED if search.ignore_case else _COUNTS,
                choices=(_COUNTS, _IGNORED),
                free=False,
            ),
        ]

        async def send(values: dict[str, str]) -> None:
            if not values["pattern"]:
                raise UserError(
                    "A pattern is missing.", r"\d+ finds numbers, capital finds itself."
                )
            self._app.workspace_memory.forms["grep"] = values
            self._search(
                msgspec.structs.replace(
                    search, pattern=values["pattern"], ignore_case=values["case"] == _IGNORED
                ),
                about,
            )

        self._app.push_screen(Form("Search by a pattern", fields, send, verb="search"))

    # Answers

    def _search(self, search: SearchRequest, about: int | None = None) -> None:
        app, state = self._app, self._app.state
        results = state.search_results = SearchResults(search, about=about)
        state.search_progress = Progressed(phase="searching", done=0)
        app.main.go_to("findings")
        app.show("findings")
        app.begin("find", self._find, results)

    async def _find(self, results: SearchResults) -> None:
        app, state = self._app, self._app.state
        try:
            search = results.search
            results.found = await app.ask(cast(Reply[SearchAnswer], search))
            if isinstance(search, Grep) and results.about is not None:
                await self._ask_places(results, results.about)
                if results.closer is not None and results.closer.features:
                    results.with_score_of(results.closer.features[0])
        finally:
            if results is state.search_results:  # a newer search has its own progress to show
                state.search_progress = None
                app.show("findings")
        if results is state.search_results and (ids := results.ids()):
            self.chose(ids[0])  # the one it is about, or the best

    def chose(self, feature: int) -> None:
        """The cursor came to a feature that was found: it is the one that is looked at."""
        results = self._app.state.search_results
        if results is None:
            return
        if results.sae == self._app.state.sae:
            self._app.controllers.features.choose(feature)
        if isinstance(results.search, Grep) and results.asked_of != feature:
            self._app.begin("closer", self._closer, results, feature)

    async def _closer(self, results: SearchResults, feature: int) -> None:
        await asyncio.sleep(_PAUSE)
        await self._ask_places(results, feature)
        self._app.show("findings")

    async def _ask_places(self, results: SearchResults, feature: int) -> None:
        """Ask where a feature answers to the pattern, and where it fails."""
        assert isinstance(results.search, Grep)
        results.asked_of = feature
        closer = await self._app.ask(msgspec.structs.replace(results.search, feature=feature))
        assert isinstance(closer, GrepReport)
        if results.asked_of == feature:
            results.closer = closer

    def open(self, feature: int) -> None:
        """Show all of a feature that was found."""
        results = self._app.state.search_results
        if results is not None:
            self._app.controllers.features.go(FeatureRef(results.sae, feature))
            self._app.controllers.feature_view.open()

    def progress(self, progress: Progressed) -> None:
        """Say how far the engine is with it."""
        if self._app.state.search_progress is not None:
            self._app.state.search_progress = progress
            self._app.mark("findings")

    def give_up(self) -> None:
        """Do not wait for the answer any more; the engine stops working on it."""
        self._app.workers.cancel_group(self._app, "find")
        self._app.state.search_progress = None
        self._app.show("findings")


def _source(typed: str) -> TextSource:
    """A file where there is one of that name, else the text itself."""
    if not typed:
        raise UserError("Two texts are needed.", "Type one, or the path of a file.")
    path = Path(typed).expanduser()
    try:
        if path.is_file():
            return TextSource(file=str(path.resolve()))
    except OSError:  # a text may be too long to be anybody's name
        pass
    return TextSource(text=unescape(typed))
