"""The last line: which keys do something here."""

from rich.text import Text
from textual.reactive import reactive

from brainsurg_tui.actions.action import Action
from brainsurg_tui.actions.hints import HINTS
from brainsurg_tui.actions.registry import find_action, key_of
from brainsurg_tui.lines.line import StatusLine


class HintLine(StatusLine):
    """At most six keys, those of the focused pane first, `?` always among them."""

    pane: reactive[str] = reactive("prompts")

    def text(self) -> Text:
        """The keys of the focused pane that do something now, as far as there is room."""
        actions = [action for id in HINTS[self.pane] if (action := find_action(id)) is not None]
        *others, help = [self._hint(a) for a in actions if a.is_possible(self.state)]
        room = self.size.width - help.cell_len
        text = Text(" ", no_wrap=True, end="")
        for hint in others:
            if text.cell_len + hint.cell_len <= room:
                text.append_text(hint)
        return self.fit(text.append_text(help), Text())

    def _hint(self, action: Action) -> Text:
        key = key_of(action.id, self.state)
        return Text.assemble((key, f"bold {self.accent}"), (f" {action.hint}   ", "dim"))
