"""The `brainsurg` command: the terminal app, and everything the app does, headless.

Exit status: 0 done, 1 it failed (one sentence on stderr), 2 wrong usage, 130 interrupted.
"""

import functools
import os
import sys
import traceback
from importlib.metadata import version

from cyclopts import App, CycloptsError, UnusedCliTokensError

from brainsurg_tui.commands.common import Common
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError
from engine.service.faults import EngineFault, EngineGoneError

app = App(
    name="brainsurg",
    help="A terminal workbench for looking inside language models.",
    version=lambda: version("brainsurg"),
    help_on_error=False,
)


@app.default
def open_app(*, common: Common | None = None) -> None:
    """Open the terminal app."""
    from brainsurg_tui.app import run

    common = common or Common()
    run(common.workspace, common.device)


def main(arguments: list[str] | None = None) -> None:
    """Run `brainsurg` with `arguments` (None: those of the command line), and exit."""
    status = _status(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough; Python would complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = status or 1
    sys.exit(status)


@functools.cache
def _add_commands() -> None:
    from brainsurg_tui.commands import (
        activations,
        clamp,
        demo,
        engine,
        evaluate,
        exchange,
        exploring,
        export_features,
        finding,
        jobs,
        labels,
        saes,
        sweep,
        train,
    )

    app.command(demo.demo, name="demo")
    app.command(activations.capture, name="capture")
    app.command(activations.sites, name="sites")
    app.command(activations.import_activations, name="import-activations")
    app.command(activations.export_activations, name="export-activations")
    app.command(activations.summary, name="summary")
    app.command(train.train, name="train")
    app.command(sweep.sweep, name="sweep")
    app.command(evaluate.evaluate, name="evaluate")
    app.command(exchange.import_sae, name="import-sae")
    app.command(exchange.export_sae, name="export-sae")
    app.command(saes.scan, name="scan")
    app.command(saes.features, name="features")
    app.command(labels.label, name="label")
    app.command(labels.app)
    app.command(exploring.feature, name="feature")
    app.command(exploring.grep, name="grep")
    app.command(export_features.export_features, name="export-features")
    app.command(finding.find, name="find")
    app.command(finding.contrast, name="contrast")
    app.command(finding.nearest, name="nearest")
    app.command(clamp.clamp, name="clamp")
    app.command(jobs.app)
    app.command(engine.app)


def _status(arguments: list[str]) -> int:
    if arguments:  # a bare `brainsurg` opens the app, which should not wait for all of these
        _add_commands()
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except UnusedCliTokensError as error:
        return _wrong(f"nothing is known of {' '.join(error.unused_tokens or [])!r}.")
    except CycloptsError as error:
        return _wrong(str(error))
    except UserError as error:
        return _failed(str(error), arguments)
    except EngineGoneError:
        return _failed("The engine ended before it had answered.", arguments)
    except EngineFault as error:
        if "--debug" in arguments:
            _print_safely(error.trace)
        return _failed(f"The engine failed: {error.what}", arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    return 0


def _wrong(sentence: str) -> int:
    print(f"brainsurg: {visible(sentence)} See: brainsurg --help", file=sys.stderr)
    return 2


def _failed(sentence: str, arguments: list[str]) -> int:
    if "--debug" in arguments and sys.exc_info()[0] is not None:
        _print_safely(traceback.format_exc())
    print(f"brainsurg: {visible(sentence)}", file=sys.stderr)
    return 1


def _print_safely(trace: str) -> None:
    for line in trace.splitlines():
        print(visible(line), file=sys.stderr)
