"""To import this is to import torch and all that works with it.

The process that workers are forked from does so, so that each begins its work at once.
"""

import atexit
import gc
import importlib

from engine.jobs import run

for _module in (
    "engine.service.worker",
    "engine.service.session",
    "engine.service.worker_handlers.registry",
    # what transformers puts off until a model is loaded
    "transformers.generation",
    "transformers.modeling_utils",
    "transformers.models.llama.modeling_llama",
):
    importlib.import_module(_module)
run.import_work()

gc.collect()
gc.freeze()  # or each worker's first collection would write to, and so copy, all that is shared
atexit.register(gc.unfreeze)  # or libraries report as leaks what is never collected
