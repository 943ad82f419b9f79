"""What a model is asked: plain prompts and conversations, and how a chat template is filled in.

Torch-free.
"""

from collections.abc import Sequence

import msgspec

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: str
    """Who says it: as a rule `system`, `user` or `assistant`."""
    content: str


class Prompt(msgspec.Struct, frozen=True):
    """What a model is asked to continue, or to answer."""

    prompt: str
    """The text; of a conversation, what is said last."""
    category: str = ""
    """What the prompt is meant to probe, in the user's words; empty: not said."""
    messages: list[Message] = []
    """The turns of a conversation, which goes into the model's chat template. Where the assistant
    speaks last, the model goes on with that answer."""

    def __post_init__(self) -> None:
        """Raises ValueError, which a decoder reports, for a conversation that nobody has begun."""
        if self.messages:
            check_messages(self.messages)


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """How prompts are put into a chat template."""

    template: str = ""
    """Its name, where the tokenizer has several; empty: the default one."""
    system: str = ""
    """What the system says first; empty: what the template says by itself."""


PLAIN_CHAT = Chat()

ChatChoice = Chat | bool
"""How prompts are given to a model. False: as plain text, but for conversations; True: put into the
default chat template as it is."""


def text_of(prompt: str | Prompt) -> str:
    """The text of a prompt; of a conversation, what is said last."""
    return prompt if isinstance(prompt, str) else prompt.prompt


def is_chat(prompt: str | Prompt, chat: ChatChoice) -> bool:
    """Whether a prompt goes into a chat template."""
    return chat is not False or (isinstance(prompt, Prompt) and bool(prompt.messages))


def prompt_of_messages(messages: Sequence[Message], category: str = "") -> Prompt:
    """A conversation as a prompt. Raises ValueError as `check_messages`."""
    check_messages(messages)
    return Prompt(messages[-1].content, category, list(messages))


def check_messages(messages: Sequence[Message]) -> None:
    """Raise ValueError for turns that are no conversation: nobody speaks, or the system last."""
    if not messages:
        raise ValueError("a conversation has at least one message")
    if any(not message.role for message in messages):
        raise ValueError("every message of a conversation has a role")
    if messages[-1].role == SYSTEM:
        raise ValueError("a conversation ends with the user's or the assistant's message")


def conversation(prompt: "str | Prompt", chat: Chat) -> list[Message]:
    """The turns that go into the template: a plain prompt is the user's. The system's message of
    `chat` stands before a conversation that has none."""
    turns = prompt.messages if isinstance(prompt, Prompt) else []
    if not turns:
        turns = [Message(USER, prompt if isinstance(prompt, str) else prompt.prompt)]
    if chat.system and turns[0].role != SYSTEM:
        turns = [Message(SYSTEM, chat.system), *turns]
    return turns


def chat_choice(*, chat: bool, template: str, system: str) -> ChatChoice:
    """What a user asks for; who names a template, or says what the system says, asks for a chat."""
    return Chat(template=template, system=system) if template or system else chat
