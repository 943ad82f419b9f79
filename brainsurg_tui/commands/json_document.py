"""What the engine answered as one JSON document that a terminal may be shown."""

import re
from typing import Any

import msgspec


def json_document(value: Any) -> str:
    """JSON in one line; what a terminal would obey or hide is escaped."""
    text = msgspec.json.encode(value).decode()
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""C1 controls (0x9B alone begins an escape sequence), bidirectional and zero-width characters."""


def plain_data(value: Any) -> Any:
    """A structure as dictionaries and lists, without the tags that frames need."""
    return _drop_tags(msgspec.to_builtins(value, str_keys=True))


def _drop_tags(value: Any) -> Any:
    match value:
        case dict():
            return {k: _drop_tags(v) for k, v in value.items() if k != "type"}
        case list() | tuple():
            return [_drop_tags(v) for v in value]
    return value
