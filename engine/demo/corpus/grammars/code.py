"""Python functions and the requests for them."""

import re
from collections.abc import Iterator

from engine.demo.corpus.grammars import code_tasks
from engine.demo.corpus.vocabulary.facts import Record

_KEYWORD = re.compile(r"\b(def|return|for|in|if|else|while|not|and|or|is|None|True|False)\b")
_INDENT = re.compile(r"^( +)", re.MULTILINE)
_OPERATOR = re.compile(r" ([-+*/%<>=!]=?|\*\*|//) ")


def tagged_code(code: str) -> str:
    """A code template with its keywords, operators and indents tagged; slots stay as they are."""
    pieces = re.split(r"(\{[^{}]*\})", code)
    for i in range(0, len(pieces), 2):
        piece = _KEYWORD.sub(r"{keyword:\1}", pieces[i])
        piece = _OPERATOR.sub(r" {operator:\1} ", piece)
        pieces[i] = _INDENT.sub(r"{indent:\1}", piece)
    return "".join(pieces)


RULES: dict[str, tuple[str, ...]] = {
    "code": (
        "{@tasks}{opening}\n{function}",
        "{@tasks}{opening}\n{function}\n\n{usage}",
        "{@tasks}{opening}\n{intro}\n{function}",
        "{@tasks}{opening}\n{intro}\n{function}\n\n{usage}",
    ),
    "opening": (
        "Write a Python function to {task}.",
        "Write a Python function to {task}.",
        "Write a Python function to {task}.",
        "Write a short Python function to {task}.",
        "Write Python code to {task}.",
        "Please write a Python function to {task}.",
        "{person} needs a Python function to {task}.",
        "Help {person} write a Python function to {task}.",
        "Show {person} how to {task} in Python.",
        "Write a Python function for {person} to {task}.",
    ),
    "intro": ("Here is the function:", "This function does it:", "Here is the code:"),
    "function": (
        tagged_code("def {function_name}({parameter}):\n    {docstring}\n{body}"),
        tagged_code("def {function_name}({parameter}):\n    {docstring}\n{body}"),
        tagged_code("def {function_name}({parameter}):\n{body}"),
        tagged_code("def {function_name}({parameter}):\n    {comment}\n{body}"),
    ),
    "docstring": ('"""{summary}"""',),
    "comment": ("# {summary}",),
    "usage": (
        "print({function_name}({argument}))",
        "result = {function_name}({argument})\nprint(result)",
    ),
    "text_name": ("text", "word", "string", "sentence", "line"),
    "list_name": ("numbers", "values", "items", "data"),
    "words_name": ("words", "names", "lines", "strings"),
    "number_name": ("number", "n", "x", "value"),
    "string_literal": ('"{object}"', '"{animal}"', '"{flower}"', '"{food}"'),
    "list_literal": (
        "[{number}, {number}, {number}]",
        "[{digit}, {digit}, {digit}, {digit}]",
    ),
    "words_literal": ('["{animal}", "{object}"]', '["{flower}", "{tree}", "{animal}"]'),
}

_KINDS = (
    (code_tasks.ON_A_STRING, "{p=text_name}", "{string_literal}"),
    (code_tasks.ON_A_LIST, "{p=list_name}", "{list_literal}"),
    (code_tasks.ON_WORDS, "{p=words_name}", "{words_literal}"),
    (code_tasks.ON_A_NUMBER, "{p=number_name}", "{number}"),
)
"""Tables of tasks, each with the parameter and the argument that fit it."""


def _tasks() -> Iterator[Record]:
    for table, parameter, argument in _KINDS:
        for block in table.strip().split("\n\n"):
            task, head, *body = block.replace("{letter}", "{c}").splitlines()
            name, returns = head.split(": ")
            yield {
                "task": task.replace("{c}", "{c=letter}"),
                "function_name": name,
                "summary": f"Return {returns}.",
                "parameter": parameter,
                "body": tagged_code("\n".join(f"    {line}" for line in body)),
                "argument": argument,
            }


RECORDS: dict[str, tuple[Record, ...]] = {"tasks": tuple(_tasks())}
