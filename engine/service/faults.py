"""Errors that are nobody's mistake but ours, carried from one process to another."""


class EngineFault(Exception):  # noqa: N818 - an error's name says whose it is
    """A bug in another process: its last line, and its traceback."""

    def __init__(self, what: str, trace: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.trace = trace


class EngineGoneError(ConnectionError):
    """The connection to the engine was closed."""
