"""Two themes of our own: greys, and one accent, which is also the colour of an activation."""

from textual.theme import Theme

DARK = Theme(
    name="brain-surgery",
    primary="#8fa3b0",
    secondary="#6f8290",
    accent="#e5a54b",
    warning="#d7875f",
    error="#d75f5f",
    success="#87af87",
    foreground="#d4d4d0",
    background="#16181a",
    surface="#1d2022",
    panel="#24282b",
    dark=True,
    variables={"block-cursor-blurred-background": "#2a2f33"},
)
LIGHT = Theme(
    name="brain-surgery-light",
    primary="#4a6272",
    secondary="#6f8290",
    accent="#b0620a",
    warning="#a8502a",
    error="#b03030",
    success="#3f7a3f",
    foreground="#24282b",
    background="#fafaf7",
    surface="#f0f0ea",
    panel="#e6e6de",
    dark=False,
    variables={"block-cursor-blurred-background": "#e4e4da"},
)
