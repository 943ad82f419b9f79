"""Everything that can be done, in one list.

Key bindings, the palette, the help screen and the hint line are made from it, and the keys of the
configuration are looked up in it by id. Another action is one more entry in one of the files here.
"""

from brainsurg_tui.actions.features import FEATURES
from brainsurg_tui.actions.main_screen import MAIN_SCREEN
from brainsurg_tui.actions.panes import PANES
from brainsurg_tui.actions.registry import register
from brainsurg_tui.actions.work import WORK

register(*WORK, *MAIN_SCREEN, *PANES, *FEATURES)
