"""What is wrong with how the command was called, in a sentence."""

import difflib
from collections.abc import Sequence

from cyclopts import CycloptsError, MissingArgumentError, UnusedCliTokensError


def describe_usage_error(error: CycloptsError, commands: Sequence[str]) -> str:
    """A sentence that says what is wrong, and where to read how it is done; `commands` are the
    names of all commands."""
    program = " ".join(("brainsurg", *(error.command_chain or ())))
    return f"{_describe(error, commands)} See: {program} --help"


def _describe(error: CycloptsError, commands: Sequence[str]) -> str:
    match error:
        case UnusedCliTokensError(command_chain=() | [] | None, unused_tokens=[word, *_]):
            return _describe_unknown(word, commands)
        case UnusedCliTokensError(unused_tokens=[*words]):
            return f"Nothing is known of {' '.join(words)!r}."
        case MissingArgumentError(keyword=None, argument=argument) if argument is not None:
            positional = argument.index is not None
            name = argument.name.lstrip("-").upper() if positional else argument.name
            return f"{name} is missing."
    return str(error)


def _describe_unknown(word: str, commands: Sequence[str]) -> str:
    if word in commands:
        return f"Options stand behind the command: brainsurg {word} …"
    alike = difflib.get_close_matches(word, commands, n=1)
    suggestion = f" Did you mean {alike[0]}?" if alike else ""
    return f"There is no command {word!r}.{suggestion}"
