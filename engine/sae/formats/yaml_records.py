"""YAML files of libraries, read as plain data. Torch-free."""

from pathlib import Path
from typing import Any

from engine.activations.text_files import readable
from engine.errors import UserError

_LARGEST = 1 << 20


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. UserError, naming the file, for anything else.

    It is scanned before it is built: aliases, by which few bytes stand for many, are refused.
    """
    import yaml  # late: the daemon imports this room, and has no use for it

    with readable(path), path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise UserError(f"{path} can't be understood: no configuration has {_LARGEST:,} bytes.")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, yaml.SafeLoader)):
            raise UserError(f"{path} can't be understood: it has aliases.")
        content = yaml.load(data, yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError, OverflowError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} can't be understood: {first}.") from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UserError(f"{path} can't be understood: it holds no named fields.")
    return content
