"""Errors of a machine that has too little of something: no bug, and the user can do something."""

import errno

from engine.errors import UserError


def shortage_of(error: BaseException) -> UserError | None:
    """What ran out, as the user should read it; None for any other error.

    torch says that memory ran out in three ways: `torch.OutOfMemoryError` on a GPU, and on the CPU
    a RuntimeError of its allocator, told from others by its text alone.
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" at {error.filename}" if error.filename else ""
        return UserError(f"The disk is full{where}.", "Nothing that was whole before is lost.")
    if type(error).__name__ == "OutOfMemoryError":
        return UserError(
            "The GPU's memory ran out.", "Use a smaller batch, context or width, or --device cpu."
        )
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return UserError("Memory ran out.", "Use a smaller batch, context or width.")
    return None
