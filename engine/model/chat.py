"""Putting a message into a model's chat template, a program that comes with the model."""

from jinja2 import TemplateError, TemplateSyntaxError

from engine.errors import UserError, join_words
from engine.model.load import LanguageModel
from engine.model.load_errors import short_message

_INSTEAD = "Give the prompt as plain text, without the chat template, or choose another model."


def chat_text(lm: LanguageModel, message: str) -> str:
    """`message` as the user's in the model's chat template, up to where the answer begins.

    Raises UserError where there is no such template, and where it is broken, refuses the message
    or leaves it out.
    """
    templates = lm.tokenizer.chat_template
    if not templates:
        raise UserError(
            f"The tokenizer of {lm.source} has no chat template.",
            "Give the prompt as plain text, or choose a model tuned for chat.",
        )
    if isinstance(templates, dict) and "default" not in templates:
        raise UserError(
            f"The chat templates of {lm.source} are for {join_words(sorted(templates))},"
            " and none is for a plain conversation.",
            _INSTEAD,
        )
    text = _fill_in(lm, message)
    if message.strip() not in text and text == _fill_in(lm, f"{message}."):
        raise UserError(
            f"The chat template of {lm.source} leaves out a message that is plain text.", _INSTEAD
        )
    return text


def _fill_in(lm: LanguageModel, message: str) -> str:
    conversation = [{"role": "user", "content": message}]
    try:
        text: str = lm.tokenizer.apply_chat_template(
            conversation, add_generation_prompt=True, tokenize=False
        )
    except Exception as error:  # the template is a program of others: it may fail in any way
        happened = "fails on a message that is plain text"
        if isinstance(error, TemplateSyntaxError):
            happened = f"is broken in line {error.lineno}"
        elif type(error) is TemplateError:  # what a template raises of its own will
            happened = "refuses a user's message alone"
        reason = f": {short_message(error)}" if str(error).strip() else "."
        raise UserError(f"The chat template of {lm.source} {happened}{reason}", _INSTEAD) from error
    return text
