"""Errors of a machine that has too little of something: no bug, and the user can do something.

Torch-free: what torch raises is known by its name and its text.
"""

import errno

from engine.errors import UserError


def shortage_of(error: BaseException) -> UserError | None:
    """What ran out, as the user should read it; None for any other error."""
    if disk_is_full(error):
        named = getattr(error, "filename", None)
        where = f" at {named}" if named else ""
        return UserError(f"The disk is full{where}.", "Nothing that was whole before is lost.")
    if _is_of_a_gpu(error):
        return UserError(
            "The GPU's memory ran out.", "Use a smaller batch, context or width, or --device cpu."
        )
    if memory_ran_out(error):
        return UserError("Memory ran out.", "Use a smaller batch, context or width.")
    return None


def memory_ran_out(error: BaseException) -> bool:
    """Whether there was too little memory, of a GPU or of the machine, for something.

    torch says so in two ways: `torch.OutOfMemoryError` on a GPU, and on the CPU a RuntimeError of
    its allocator, told from others by its text alone. NumPy raises a MemoryError.
    """
    on_cpu = isinstance(error, MemoryError) or "can't allocate memory" in str(error)
    return on_cpu or _is_of_a_gpu(error)


def disk_is_full(error: BaseException) -> bool:
    """Whether there was no room for a file. safetensors says so in a text of its own."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    texts = (f"(os error {number})" for number in (errno.ENOSPC, errno.EDQUOT))
    return type(error).__name__ == "SafetensorError" and any(t in str(error) for t in texts)


def _is_of_a_gpu(error: BaseException) -> bool:
    return type(error).__name__ == "OutOfMemoryError"
