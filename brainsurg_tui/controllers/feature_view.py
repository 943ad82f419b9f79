"""Looking closer at the selected feature: its sheet, its other examples, whole documents."""

from textual.widget import AwaitMount

from brainsurg_tui.controllers.relatives import RelativesController
from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.screens.document_dialog import DocumentDialog
from brainsurg_tui.state.feature_view import FeatureView
from engine.errors import UserError
from engine.service.protocol import GetDocument, Snippet, SnippetList


class FeatureViewController:
    """Fetches examples and documents of the selected feature; late answers are dropped."""

    def __init__(self, shell: Shell, relatives: RelativesController) -> None:
        self._shell = shell
        self._relatives = relatives

    def open(self) -> None:
        """Open the sheet with all that is known of the selected feature."""
        self._shell.main.go_to("detail")
        self._relatives.fetch()

    # Examples

    def step(self, steps: int) -> None:
        """Show weaker examples (1), or stronger ones (-1), or say that there are none."""
        if self._shell.state.feature_view is None:
            return
        if self._shell.state.step_examples(steps):
            self._fetch()
        else:
            self._shell.say("These are the strongest." if steps < 0 else "There is nothing weaker.")

    def stretch(self, factor: float) -> None:
        """Multiply the width of the windows around the peaks by a factor."""
        if self._shell.state.stretch_examples(factor):
            self._fetch()

    def _fetch(self) -> None:
        if (view := self._shell.state.feature_view) is not None:
            self._shell.begin("examples", self._fetch_examples, view)

    async def _fetch_examples(self, view: FeatureView) -> None:
        if view.is_default():
            return
        request = view.request()
        try:
            examples = await self._shell.ask(request)
        except UserError as mistake:
            examples = SnippetList(snippets=[], textless=str(mistake))
        self._shell.state.set_examples(view, request, examples)

    # Documents

    def read(self, snippet: Snippet) -> None:
        """Show the document around a snippet: the snippet at once, the rest when it is there."""
        state = self._shell.state
        if state.sae is None or state.feature is None:
            return
        known = state.detail is not None and state.detail.id == state.feature
        maximum = state.detail.max if known and state.detail is not None else None
        document = DocumentDialog(snippet, maximum, ascii_only=self._shell.ascii_only)
        opened = self._shell.push_screen(document)
        request = GetDocument(
            sae=state.sae,
            feature=state.feature,
            document=snippet.document,
            device=self._shell.device,
        )
        self._shell.begin("document", self._fetch_document, request, document, opened)

    async def _fetch_document(
        self, request: GetDocument, document: DocumentDialog, opened: AwaitMount
    ) -> None:
        await opened
        try:
            document.show_document(await self._shell.ask(request))
        except UserError as mistake:
            document.show_status(str(mistake))
