"""The process that workers are forked from: it has imported torch, and does nothing itself.

To import torch and all that works with it takes seconds of processor time. A fork of a process that
has done so takes milliseconds, and shares the memory of what was imported with all other workers.

The daemon sends an `Order` for each worker, and hears of `Forked` and `Ended` processes; each is a
line of JSON on a socket that is handed over as a file descriptor. This process ends when the daemon
does. No thread may run in it, and no GPU be touched: neither outlives a fork. Where a process can't
safely be forked with what was imported (macOS), it becomes the worker itself.
"""

import gc
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec

from engine.service.fork_client import Ended, Forked, Message, Order


class ForkServer:
    """Forks workers as it is told."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._received = b""
        self._children, self._child_ended = os.pipe()
        for end in (self._children, self._child_ended):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._child_ended)

    def serve(self) -> Order:
        """Return in every process that is to be a worker, with its order. Exits with the daemon."""
        sources: list[Any] = [self._channel, self._children]
        while True:
            ready, _, _ = select.select(sources, [], [])
            if self._children in ready:
                self._report_ended()
            if self._channel in ready and (order := self._follow_orders()) is not None:
                self._leave()
                return order

    def _follow_orders(self) -> Order | None:
        """Fork for every order that has come; the order in a process that is to follow it."""
        try:
            received = self._channel.recv(1 << 16)
        except ConnectionError:
            received = b""
        if not received:
            os._exit(0)
        *lines, self._received = (self._received + received).split(b"\n")
        for line in lines:
            order = msgspec.json.decode(line, type=Order)
            if not _can_fork():
                self._say(Forked(token=order.token, pid=os.getpid(), last=True))
                return order
            pid = os.fork()
            if pid == 0:
                return order
            self._say(Forked(token=order.token, pid=pid, last=False))
        return None

    def _report_ended(self) -> None:
        os.read(self._children, 1 << 12)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._say(Ended(pid=pid, status=os.waitstatus_to_exitcode(status)))

    def _say(self, message: Message) -> None:
        try:
            self._channel.sendall(msgspec.json.encode(message) + b"\n")
        except ConnectionError:
            os._exit(0)

    def _leave(self) -> None:
        """Give up, in a worker, what is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._channel.close()
        for end in (self._children, self._child_ended):
            os.close(end)


def _can_fork() -> bool:
    import torch

    return sys.platform == "linux" and not torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


def _print_to(log: str) -> None:
    with Path(log).open("wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)


def main() -> None:
    """Fork workers for the daemon that listens at the socket `argv[2]`, for the workspace
    `argv[3]`; orders come on the file descriptor `argv[1]`."""
    channel, daemon, root = sys.argv[1:]
    from engine.service import worker

    worker.import_work()
    gc.collect()
    gc.freeze()  # or each worker's first collection would write to, and so copy, all that is shared
    order = ForkServer(socket.socket(fileno=int(channel))).serve()
    _print_to(order.log)
    worker.work(daemon, Path(root), order.token)


if __name__ == "__main__":
    main()
