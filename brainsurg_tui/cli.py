"""The `brainsurg` command: the terminal app, and everything the app does, headless.

Exit status: 0 done, 1 it failed (one sentence on stderr), 2 wrong usage, 130 interrupted.
"""

import os
import sys
import traceback

from cyclopts import App, CycloptsError, Parameter

from brainsurg_tui.commands import add_commands, add_other_kinds, import_commands
from brainsurg_tui.commands.common import OPTIONS_OF_ALL, Common
from brainsurg_tui.commands.usage_errors import describe_usage_error
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError
from engine.service.faults import EngineFault, EngineGoneError


def _version() -> str:
    from importlib.metadata import version

    return version("brainsurg")


def _default_text(default: object) -> str | None:
    """A default as --help names it; None where there is none, and for a flag that is off."""
    return None if default is False or default in (None, "", []) else str(default)


app = App(
    name="brainsurg",
    help="A terminal workbench for looking inside language models.\n\n"
    "Without a command, the terminal app opens.",
    version=_version,
    default_parameter=Parameter(negative=(), show_default=_default_text),
    help_on_error=False,
    result_action="return_value",  # `main` ends the process
)
app["--help"].group = app["--version"].group = OPTIONS_OF_ALL
add_commands(app)


@app.default
def open_app(*, common: Common = Common()) -> None:
    """Open the terminal app."""
    from brainsurg_tui.app import run

    run(common.workspace, common.device)


def main(arguments: list[str] | None = None) -> None:
    """Run `brainsurg` with `arguments` (None: those of the command line), and exit."""
    status = _run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough; Python would complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = status or 1
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    names_command = arguments[:1] and not arguments[0].startswith("-")
    if names_command and arguments[0] not in app:
        add_other_kinds(app)
    if not names_command and set(app.help_flags) & set(arguments):
        add_other_kinds(app)
        import_commands(app)
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        names = [name for name in app if not name.startswith("-")]
        print(f"brainsurg: {visible(describe_usage_error(error, names))}", file=sys.stderr)
        return 2
    except UserError as error:
        return _print_failure(str(error), arguments)
    except EngineGoneError:
        return _print_failure("The engine ended before it had answered.", arguments)
    except EngineFault as error:
        if "--debug" in arguments:
            _print_safely(error.trace)
        return _print_failure(f"The engine failed: {error.what}", arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    return 0


def _print_failure(sentence: str, arguments: list[str]) -> int:
    if "--debug" in arguments and sys.exc_info()[0] is not None:
        _print_safely(traceback.format_exc())
    print(f"brainsurg: {visible(sentence)}", file=sys.stderr)
    return 1


def _print_safely(trace: str) -> None:
    for line in trace.splitlines():
        print(visible(line), file=sys.stderr)
