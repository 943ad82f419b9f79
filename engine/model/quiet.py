"""Keeping transformers from writing to the terminal."""

import contextlib
import logging as python_logging
import warnings
from collections.abc import Iterator

from transformers.utils import logging

_OTHERS = ("accelerate", "torchao")
"""Libraries that transformers brings in, and that log to the terminal, too."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within the block transformers shows no progress bars and logs nothing below an error, nor
    do the libraries that it brings in.

    What such a warning would have been worth saying, the callers check and say as a UserError.
    """
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    others = {name: python_logging.getLogger(name) for name in _OTHERS}
    levels = {name: logger.level for name, logger in others.items()}
    for logger in others.values():
        logger.setLevel(python_logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        for name, level in levels.items():
            others[name].setLevel(level)
        if bars:
            logging.enable_progress_bar()
