"""Fields of other libraries' configurations that nothing here knows. Torch-free.

What is known is followed, or is known not to change what an SAE computes. The rest may: it is kept
in `SAEMetadata.unknown_fields`, and named when the SAE is imported.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.sae.formats.naming_some import name_some
from engine.sae.formats.records import fields_to_keep

_LONGEST, _MOST_NAMED = 60, 8


def unknown_fields(
    content: Mapping[str, Any], known: Collection[str], path: Path
) -> dict[str, Any]:
    """What is none of the known fields in the content of the configuration at `path`.

    Raises UserError for such as can't be kept, as `fields_to_keep`.
    """
    unknown = {name: value for name, value in content.items() if name not in known}
    plain = {
        name: value if _is_plain(value) else str(value) for name, value in sorted(unknown.items())
    }
    return fields_to_keep(plain, path)


def note_on_unknown_fields(fields: Mapping[str, Any]) -> str:
    """A sentence that names them; empty where there are none."""
    if not fields:
        return ""
    named = [f"{name} {_shortened(value)}" for name, value in fields.items()]
    return (
        "Its configuration has fields that are not known here and not followed:"
        f" {name_some(named, _MOST_NAMED)}."
    )


def _is_plain(value: Any) -> bool:
    """Whether JSON has it; YAML has dates, and others, besides."""
    try:
        msgspec.json.encode(value)
    except (TypeError, OverflowError, ValueError, RecursionError):
        return False
    return True


def _shortened(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
