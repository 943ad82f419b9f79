"""What is wrong with how the command was called, in a sentence."""

import difflib

from cyclopts import CycloptsError, MissingArgumentError, UnusedCliTokensError

from brainsurg_tui.commands import COMMANDS


def describe_usage_error(error: CycloptsError) -> str:
    """A sentence that says what is wrong, and where to read how it is done."""
    program = " ".join(("brainsurg", *(error.command_chain or ())))
    return f"{_describe(error)} See: {program} --help"


def _describe(error: CycloptsError) -> str:
    match error:
        case UnusedCliTokensError(command_chain=() | [] | None, unused_tokens=[word, *_]):
            return _no_command(word)
        case UnusedCliTokensError(unused_tokens=[*words]):
            return f"Nothing is known of {' '.join(words)!r}."
        case MissingArgumentError(keyword=None, argument=argument) if argument is not None:
            positional = argument.index is not None
            name = argument.name.lstrip("-").upper() if positional else argument.name
            return f"{name} is missing."
    return str(error)


def _no_command(word: str) -> str:
    names = [name for commands in COMMANDS.values() for name in commands]
    if word in names:
        return f"Options stand behind the command: brainsurg {word} …"
    alike = difflib.get_close_matches(word, names, n=1)
    suggestion = f" Did you mean {alike[0]}?" if alike else ""
    return f"There is no command {word!r}.{suggestion}"
