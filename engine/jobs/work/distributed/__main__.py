"""One of the processes that torchrun starts to train an SAE on several devices.

`brainsurg train … --devices 8 --shards 2` starts them on this machine. By hand, on several
machines that see the same files:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:PORT \\
        -m engine.jobs.work.distributed WORKSPACE SPEC.json

SPEC.json is an `engine.jobs.kinds.Train` whose `devices` are those of all machines together. The
first process alone writes; its progress goes to the process that started it, or to stderr.
"""

import datetime
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import torch
from torch import distributed as dist

from engine.errors import UserError
from engine.jobs.kinds import Train, TrainResult
from engine.jobs.work.distributed.relay import RelayedProgress, RelayFolder
from engine.jobs.work.train_sae import train_sae
from engine.model.device import choose_device
from engine.progress import SILENT, Cancelled, Silent
from engine.sae.parallel import init_ranks
from engine.sae.training.divergence import TrainingDiverged
from engine.shortages import shortage_of
from engine.workspace.folders import Workspace

TIMEOUT = datetime.timedelta(minutes=10)
"""How long a process waits for the others in the middle of a step before it gives up."""


class PrintedProgress(Silent):
    """Progress for a terminal without an engine: a line now and then, and every note."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        if done == total or done >= 1.1 * self._last or done < self._last:
            self._last = done
            figures = " ".join(f"{name} {value:.4g}" for name, value in (metrics or {}).items())
            print(f"{phase} {done:,} of {total or '?'} {unit} {figures}", file=sys.stderr)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)


def train_part(spec: Train, workspace: Workspace, folder: RelayFolder | None) -> None:
    """Do this process's part of a training; the first process writes what comes of it."""
    spec.check(workspace)
    device = _device_of_this_process(spec.device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=TIMEOUT)
    if dist.get_world_size() != spec.devices:
        raise UserError(
            f"torchrun began {dist.get_world_size()} processes, not {spec.devices}.",
            "Let it begin one for each device.",
        )
    ranks = init_ranks(spec.shards)
    here = msgspec.structs.replace(spec, device=str(device))
    if ranks.leads:
        progress = PrintedProgress() if folder is None else RelayedProgress(folder)
        _hand_over(train_sae(here, workspace, progress, ranks), folder)
    else:
        # torchrun ends all when one fails: the first is to save first, and to say what happened
        with suppress(Cancelled, TrainingDiverged):
            train_sae(here, workspace, SILENT, ranks)
    dist.destroy_process_group()


def _device_of_this_process(named: str) -> torch.device:
    """Of the devices of a kind the one of this process's number on its machine."""
    device = choose_device(named)
    if device.type == "cuda":
        device = choose_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    return device


def _hand_over(result: TrainResult, folder: RelayFolder | None) -> None:
    if folder is None:
        print(msgspec.json.encode(result).decode())
    else:
        folder.write_result(result)


def _report_error(error: UserError, folder: RelayFolder | None) -> None:
    print(error, file=sys.stderr)
    if folder is not None:
        folder.write_failure(int(os.environ["RANK"]), error)


def main() -> None:
    """Train in the workspace `argv[1]` what the file `argv[2]` says."""
    root, spec = sys.argv[1:]
    folder = RelayFolder.of_this_process()
    try:
        what = msgspec.json.decode(Path(spec).read_bytes(), type=Train)
        train_part(what, Workspace.at(Path(root)), folder)
    except Cancelled:
        sys.exit(130)
    except UserError as error:
        _report_error(error, folder)
        sys.exit(1)
    except Exception as error:
        shortage = shortage_of(error)
        if shortage is None:
            raise
        _report_error(shortage, folder)
        sys.exit(1)


if __name__ == "__main__":
    main()
