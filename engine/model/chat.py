"""Putting messages into a model's chat template, a program that comes with the model."""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError

from engine.errors import UserError, join_words
from engine.model.load import LanguageModel
from engine.model.load_errors import short_message
from engine.model.prompt import (
    ASSISTANT,
    PLAIN_CHAT,
    SYSTEM,
    USER,
    Chat,
    ChatChoice,
    Message,
    Prompt,
    conversation,
    is_chat,
)

DEFAULT = "default"
_INSTEAD = "Give the prompt as plain text, without the chat template, or choose another model."


def chat_templates(lm: LanguageModel) -> list[str]:
    """The names of a tokenizer's chat templates, the one that is used by default first; an only one
    is called `default`. Empty for a model that isn't tuned for chat."""
    templates = lm.tokenizer.chat_template
    if not templates:
        return []
    names = sorted(templates) if isinstance(templates, dict) else [DEFAULT]
    return sorted(names, key=lambda name: name != DEFAULT)


def chosen_template(lm: LanguageModel, chat: Chat) -> str:
    """The name of the template that `chat` means. Raises UserError where there is no such one."""
    names = chat_templates(lm)
    if not names:
        raise UserError(
            f"The tokenizer of {lm.source} has no chat template.",
            "Give the prompt as plain text, or choose a model tuned for chat.",
        )
    if chat.template in names:
        return chat.template
    if chat.template:
        raise UserError(
            f"{lm.source} has no chat template {chat.template!r}.", f"It has {join_words(names)}."
        )
    if DEFAULT not in names:
        raise UserError(
            f"The chat templates of {lm.source} are for {join_words(names)},"
            " and none is for a plain conversation.",
            f"Name one with --chat-template. {_INSTEAD}",
        )
    return names[0]


def template_of_prompts(
    lm: LanguageModel, prompts: Sequence[str | Prompt], choice: ChatChoice
) -> str:
    """The name of the template that some of `prompts` go into; empty where none does. Raises
    UserError where there is no such template."""
    if not any(is_chat(prompt, choice) for prompt in prompts):
        return ""
    return chosen_template(lm, choice if isinstance(choice, Chat) else PLAIN_CHAT)


def chat_note(lm: LanguageModel, template: str) -> str:
    """What to tell of how prompts are given to a model: which chat template they are put into, or
    that there is one; empty for plain text to a model without any."""
    if template:
        return f"Prompts are put into the chat template {template!r} of {lm.source}."
    names = chat_templates(lm)
    if not names:
        return ""
    named = "a chat template" if names == [DEFAULT] else f"chat templates, {join_words(names)}"
    return (
        f"{lm.source} has {named}, and goes on with prompts as plain text; with --chat it answers"
        " them."
    )


def chat_text(lm: LanguageModel, prompt: str | Prompt, chat: Chat = PLAIN_CHAT) -> str:
    """A prompt in the model's chat template, up to where the answer begins, or as far as that was
    given.

    Raises UserError where there is no such template, and where it is broken, refuses a message or
    leaves it out.
    """
    template = chosen_template(lm, chat)
    messages = conversation(prompt, chat)
    text = _fill_in(lm, messages, template)
    for place, message in enumerate(messages):
        if message.content.strip() in text:
            continue
        changed = [*messages]
        changed[place] = Message(message.role, f"{message.content}.")
        if text == _fill_in(lm, changed, template):
            raise UserError(
                f"The chat template of {lm.source} leaves out {_kind_of(message)}.", _INSTEAD
            )
    return text


def _kind_of(message: Message) -> str:
    whose = "" if message.role == USER else f" of the {message.role}'s"
    return f"a message{whose} that is plain text"


def _fill_in(lm: LanguageModel, messages: Sequence[Message], template: str) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    begun = messages[-1].role == ASSISTANT
    settings: dict[str, Any] = {
        "add_generation_prompt": not begun,
        "continue_final_message": begun,
        "tokenize": False,
    }
    if isinstance(lm.tokenizer.chat_template, dict):
        settings["chat_template"] = template
    try:
        text: str = lm.tokenizer.apply_chat_template(turns, **settings)
    except Exception as error:  # the template is a program of others: it may fail in any way
        happened, advice = "fails on a message that is plain text", _INSTEAD
        if isinstance(error, TemplateSyntaxError):
            happened = f"is broken in line {error.lineno}"
        elif type(error) is TemplateError:  # what a template raises of its own will
            happened, advice = f"refuses {_named(messages)}", _advice(messages)
        reason = f": {short_message(error)}" if str(error).strip() else "."
        raise UserError(f"The chat template of {lm.source} {happened}{reason}", advice) from error
    return text


def _named(messages: Sequence[Message]) -> str:
    roles = [message.role for message in messages]
    if roles == [USER]:
        return "a user's message alone"
    return f"messages of {join_words(roles)}" if len(roles) > 1 else f"a message of {roles[0]}"


def _advice(messages: Sequence[Message]) -> str:
    """What to do where a template refuses: some want a system's message, and some want none."""
    if messages[0].role == SYSTEM:
        return f"Leave out the system's message. {_INSTEAD}"
    return f"Give a system's message with --system. {_INSTEAD}"
