"""Looking closer at the selected feature: its sheet, its other examples, whole documents."""

from typing import TYPE_CHECKING

from textual.widget import AwaitMount

from brainsurg_tui.screens.document_dialog import DocumentDialog
from brainsurg_tui.state.feature_view import FeatureView
from engine.errors import UserError
from engine.service.protocol import GetDocument, Snippet, SnippetList

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


class FeatureViewController:
    """Every answer is put where the state still wants it, or dropped."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def open(self) -> None:
        """Show all that is known of the feature."""
        self._app.main.go_to("detail")
        self._app.show("detail")
        self._app.controllers.relatives.fetch()

    # Examples

    def step(self, steps: int) -> None:
        """On to weaker examples (1), or back to stronger ones (-1)."""
        view = self._app.state.feature_view
        if view is None:
            return
        if view.step(steps):
            self._fetch(view)
        else:
            self._app.say("These are the strongest." if steps < 0 else "There is nothing weaker.")

    def stretch(self, factor: float) -> None:
        """Widen the windows around the peaks, or narrow them."""
        view, detail = self._app.state.feature_view, self._app.state.detail
        if view is not None and detail is not None and detail.id == view.feature:
            view.stretch(detail, factor)
            self._fetch(view)

    def _fetch(self, view: FeatureView) -> None:
        self._app.show("snippets", "detail")
        self._app.begin("examples", self._examples, view)

    async def _examples(self, view: FeatureView) -> None:
        if view.at_first():
            return
        request = view.request()
        try:
            examples = await self._app.ask(request)
        except UserError as mistake:
            examples = SnippetList(snippets=[], textless=str(mistake))
        if view is self._app.state.feature_view and request == view.request():
            view.examples = examples
            self._app.show("snippets", "detail")

    # Documents

    def read(self, snippet: Snippet) -> None:
        """Show the document around a snippet: the snippet at once, the rest when it is there."""
        state = self._app.state
        if state.sae is None or state.feature is None:
            return
        known = state.detail is not None and state.detail.id == state.feature
        maximum = state.detail.max if known and state.detail is not None else None
        document = DocumentDialog(snippet, maximum, ascii_only=self._app.ascii_only)
        opened = self._app.push_screen(document)
        request = GetDocument(
            sae=state.sae,
            feature=state.feature,
            document=snippet.document,
            device=self._app.device,
        )
        self._app.begin("document", self._read, request, document, opened)

    async def _read(
        self, request: GetDocument, document: DocumentDialog, opened: AwaitMount
    ) -> None:
        await opened
        try:
            document.take(await self._app.ask(request))
        except UserError as mistake:
            document.say(str(mistake))
