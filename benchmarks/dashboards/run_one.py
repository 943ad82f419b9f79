"""One measured process: looks at the features of the material in the working directory.

python -m benchmarks.dashboards.run_one REQUEST OUT

REQUEST is a `messages.Request` as JSON. Started by `rounds`, in the environment of the program.
"""

import importlib
import json
import sys
from pathlib import Path

import torch

from benchmarks.dashboards.messages import Request
from benchmarks.dashboards.programs import PROGRAMS


def main(request: str, out: str) -> None:
    """Run the program that is asked for, and write its `messages.Result`."""
    asked = Request(**json.loads(request))
    torch.set_num_threads(asked.threads)
    program = importlib.import_module(PROGRAMS[asked.program])
    Path(out).write_text(program.run(asked).to_json())


if __name__ == "__main__":
    main(*sys.argv[1:])
