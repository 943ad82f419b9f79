"""The last line: which keys do something here."""

from rich.text import Text
from textual.reactive import reactive

from brainsurg_tui.actions import BY_ID, HINTS, key_of
from brainsurg_tui.lines.line import Line


class HintLine(Line):
    """At most six keys, those of the focused pane first, `?` always among them."""

    pane: reactive[str] = reactive("prompts")

    def drawn(self) -> Text:
        """The line for the present state."""
        *others, help = [
            hint
            for id in HINTS[self.pane]
            if BY_ID[id].possible(self.state) and (hint := self._hint(id))
        ]
        room = self.size.width - help.cell_len
        text = Text(" ", no_wrap=True, end="")
        for hint in others:
            if text.cell_len + hint.cell_len <= room:
                text.append_text(hint)
        return self.fitted(text.append_text(help), Text())

    def _hint(self, id: str) -> Text:
        return Text.assemble(
            (key_of(id, self.state), f"bold {self.accent}"), (f" {BY_ID[id].hint}   ", "dim")
        )
