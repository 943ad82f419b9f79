"""The field of a form that says whether prompts go into a chat template, and into which."""

from brainsurg_tui.screens.form_field import Field
from engine.service.protocol import Chat, ChatChoice

_DEFAULT = "default"


def chat_field(chat: ChatChoice) -> Field:
    """The field `chat`, with the name of the template that `chat` means."""
    template = chat.template if isinstance(chat, Chat) else ""
    return Field(
        "chat",
        "chat template",
        template or (_DEFAULT if chat else ""),
        "Of an instruct model: what prompts are put into, to be answered.",
        ("", _DEFAULT),
        empty="none: the model continues the text",
    )


def chat_in_field(template: str, before: ChatChoice) -> ChatChoice:
    """What the field says now; what the system says in a chat stays as it was `before`."""
    system = before.system if isinstance(before, Chat) else ""
    return Chat(template=template, system=system) if template else False
