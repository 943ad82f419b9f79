"""Searching for features: those that fire in a prompt, tell two texts apart, or know a pattern."""

import asyncio
from pathlib import Path
from typing import cast

import msgspec

from brainsurg_tui.controllers.chat_field import chat_field, chat_in_field
from brainsurg_tui.controllers.feature_view import FeatureViewController
from brainsurg_tui.controllers.features import FeatureController
from brainsurg_tui.controllers.probe import ProbeController
from brainsurg_tui.controllers.shell import Shell
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
    Probe,
    Request,
    TextSource,
)

_PAUSE = 0.15
"""Seconds that the cursor rests on a feature before its hits and misses are asked for."""
_ABOUT_ONE = ("detail", "snippets")
"""Where one feature is what it is all about: a pattern that is searched for there judges it."""
_COUNTS, _IGNORED = "yes", "no"
"""Whether a capital is another letter than a small one."""


class SearchController:
    """Runs one search at a time; the sheet of findings shows the last."""

    def __init__(
        self,
        shell: Shell,
        features: FeatureController,
        feature_view: FeatureViewController,
        probe: ProbeController,
    ) -> None:
        self._shell = shell
        self._features = features
        self._feature_view = feature_view
        self._probe = probe

    # Asking

    def firing(self) -> None:
        """Search for what fires in the prompt under the cursor."""
        state = self._shell.state
        prompt = self._shell.main.prompts.text_to_copy()
        if prompt and state.sae is not None:
            self._search(FindFiring(sae=state.sae, prompt=prompt, device=self._shell.device))

    def contrast(self) -> None:
        """Contrast the two marked prompts; else let the user say what with what."""
        state, prompts = self._shell.state, self._shell.main.prompts
        if state.sae is None:
            return
        marked = [prompt.prompt for prompt in prompts.marked_prompts()]
        a, *others = marked or [prompts.text_to_copy()]
        search = FindContrast(
            sae=state.sae,
            a=TextSource(text=a),
            b=TextSource(text=next(iter(others), "")),
            device=self._shell.device,
        )
        if len(marked) == 2:
            self._search(search)
        else:
            self._ask_contrast(search)

    def grep(self) -> None:
        """Let the user type a pattern to search the corpus for."""
        if self._shell.state.sae is not None:
            last = self._shell.workspace_memory.forms.get("grep", {}).get("pattern", "")
            looked_at = self._shell.main.active in _ABOUT_ONE
            about = self._shell.state.feature if looked_at else None
            self._ask_grep(Grep(sae=self._shell.state.sae, pattern=last), about)

    def again(self) -> None:
        """Let the user change what was searched for last, and search again."""
        results = self._shell.state.search.results
        match None if results is None else results.request:
            case FindFiring() as search:
                self._ask_firing(search)
            case FindContrast() as search:
                self._ask_contrast(search)
            case Probe():
                self._probe.probe()
            case Grep() as search:
                self._ask_grep(search, None if results is None else results.about)

    def _ask_firing(self, search: FindFiring) -> None:
        fields = [
            Field(
                "prompt",
                "prompt",
                escape(search.prompt),
                r"Any text; \n for a new line.",
                escapes=True,
            ),
            Field(
                "target",
                "next token",
                escape(search.target or ""),
                "The one to explain: attributions and effects are about its probability.",
                empty="the likeliest",
                escapes=True,
            ),
            Field(
                "ablate",
                "ablate",
                str(search.ablate),
                "So many of the strongest, by attribution and by activation, are ablated for real.",
            ),
            chat_field(search.chat),
        ]

        async def send(values: dict[str, str]) -> None:
            self._search(
                msgspec.structs.replace(
                    search,
                    prompt=unescape(values["prompt"]),
                    target=unescape(values["target"]) or None,
                    ablate=parse_whole_number(values["ablate"], "ablate"),
                    chat=chat_in_field(values["chat"], search.chat),
                )
            )

        self._shell.push_screen(Form("Features that fire", fields, send, verb="search"))

    def _ask_contrast(self, search: FindContrast) -> None:
        prompts = tuple(escape(known.prompt) for known in self._shell.state.contents.prompts)
        help = "A text, or the path of a file of prompts or documents."
        fields = [
            Field(name, label, source.file or escape(source.text), help, prompts, escapes=True)
            for name, label, source in (("a", "this", search.a), ("b", "against", search.b))
        ]

        async def send(values: dict[str, str]) -> None:
            a, b = _source(values["a"]), _source(values["b"])
            self._search(msgspec.structs.replace(search, a=a, b=b))

        self._shell.push_screen(Form("Contrast two texts", fields, send, verb="contrast"))

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
            self._shell.workspace_memory.forms["grep"] = values
            self._search(
                msgspec.structs.replace(
                    search, pattern=values["pattern"], ignore_case=values["case"] == _IGNORED
                ),
                about,
            )

        self._shell.push_screen(Form("Search by a pattern", fields, send, verb="search"))

    # Answers

    def _search(self, search: SearchRequest, about: int | None = None) -> None:
        results = SearchResults(search, about=about)
        self._shell.state.search.begin(results)
        self._shell.main.go_to("findings")
        self._shell.begin("search", self._find, results)

    async def _find(self, results: SearchResults) -> None:
        shell, state = self._shell, self._shell.state.search
        try:
            request = results.request
            answer = await shell.ask(cast(Request[SearchAnswer], request))
            try:
                if isinstance(request, Grep) and results.about is not None:
                    await self._fetch_places(results, results.about)
            finally:
                state.set_answer(results, answer)
        finally:
            if state.results is results:  # a newer search has its own progress to show
                state.end()
        if state.results is results and (ids := results.ids()):
            self.choose(ids[0])  # the one it is about, or the best

    def choose(self, feature: int) -> None:
        """Look at a feature that was found, and at where it responds to the pattern."""
        results = self._shell.state.search.results
        if results is None:
            return
        if results.sae == self._shell.state.sae:
            self._features.choose(feature)
        if isinstance(results.request, Grep) and results.places_of != feature:
            self._shell.begin("places", self._fetch_places_soon, results, feature)

    async def _fetch_places_soon(self, results: SearchResults, feature: int) -> None:
        await asyncio.sleep(_PAUSE)
        await self._fetch_places(results, feature)

    async def _fetch_places(self, results: SearchResults, feature: int) -> None:
        """Ask where a feature responds to the pattern, and where it fails."""
        assert isinstance(results.request, Grep)
        self._shell.state.search.await_places(results, feature)
        answer = await self._shell.ask(msgspec.structs.replace(results.request, feature=feature))
        assert isinstance(answer, GrepReport)
        self._shell.state.search.set_places(results, feature, answer)

    def open(self, feature: int) -> None:
        """Show all of a feature that was found."""
        results = self._shell.state.search.results
        if results is not None:
            self._features.go_to(FeatureRef(results.sae, feature))
            self._feature_view.open()

    def give_up(self) -> None:
        """Do not wait for the answer any more; the engine stops working on it."""
        self._shell.cancel("search")
        self._shell.state.search.end()


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
