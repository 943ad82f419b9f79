"""What a session worker answers, with torch: one file for each topic, found by themselves."""

import pkgutil
from importlib import import_module

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
