"""A whole document, shaded where a feature is active, its peak in sight."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from brainsurg_tui.screens.text_dialog import TextDialog
from brainsurg_tui.widgets.text_block import TextBlock
from brainsurg_tui.widgets.token_strip import TokenStrip
from engine.service.protocol import Snippet


class DocumentDialog(TextDialog):
    """Shows a snippet, and once it is there the whole document around it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "peak", "To the peak", show=False, id="reading.peak"),
    ]

    def __init__(self, snippet: Snippet, maximum: float | None, *, ascii_only: bool) -> None:
        """`maximum` is the activation of the strongest shade."""
        self._strip = TokenStrip(ascii_only=ascii_only)
        title = f"Document {snippet.document}, token {snippet.position}"
        super().__init__(title, self._strip, snippet.text, hint="p peak   ")
        self._note = TextBlock("document-note")
        self._position = snippet.position
        self._maximum = maximum
        self._shown = snippet
        self._strip.show(snippet.tokens, snippet.activations, snippet.peak, maximum)

    def content(self) -> Iterable[Widget]:
        """The text under what is to be said about it."""
        yield self._note
        yield from super().content()

    def on_mount(self) -> None:
        """Say that there is more to come."""
        self.show_status("reading the whole document …")

    def show_document(self, document: Snippet) -> None:
        """Show the whole document; where it holds the snippet's peak, that is marked."""
        # The peak that was chosen, which need not be the document's strongest.
        peak = self._position if self._position < len(document.tokens) else document.peak
        self._shown, self._plain = document, document.text
        self._strip.show(document.tokens, document.activations, peak, self._maximum)
        active = sum(activation > 0 for activation in document.activations)
        self.show_status(f"{len(document.tokens):,} tokens, active on {active:,}")
        self.call_after_refresh(self._go_to, peak)

    def show_status(self, text: str) -> None:
        """Say something above the text."""
        self._note.show(text)

    def action_peak(self) -> None:
        """Scroll to the strongest token."""
        self._go_to(self._shown.peak)

    def _go_to(self, token: int) -> None:
        box = self.query_one(VerticalScroll)
        line = self._strip.line_of(token)
        box.scroll_to(y=max(0, line - box.size.height // 2), animate=False)
