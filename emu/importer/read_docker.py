"""`docker network inspect` and `docker inspect` (Engine API 1.41 and later): JSON as Docker prints it, one object or a list of them."""

from __future__ import annotations

import json
from typing import Any

from emu.importer.model import Described, File, Foreign


def objects(file: File, wanted: str) -> list[Described]:
    """Those that have a name and the key `wanted`. Raises Foreign."""
    try:
        found = json.loads(file.text)
    except (ValueError, RecursionError) as error:
        raise Foreign(file.at(getattr(error, "lineno", 1)), f"is cut short, or no JSON: {getattr(error, 'msg', error)}") from None
    entries = found if isinstance(found, list) else [found]
    described = []
    for entry in entries:
        name = entry.get("Name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not isinstance(entry.get(wanted), (dict, str)):
            raise Foreign(file.at(), f"is not what `{file.kind.replace('-', ' ')}` prints: an object without Name and {wanted}")
        described.append(Described(name.removeprefix("/"), entry, file, file.line_of('"Name"', json.dumps(name))))
    return described


def part(data: Any, *keys: str) -> Any:
    """What stands below the keys; an empty mapping where there is nothing, or null."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return {} if data is None else data


def mapping(data: Any, *keys: str) -> dict[str, Any]:
    found = part(data, *keys)
    return found if isinstance(found, dict) else {}


def texts(data: Any, *keys: str) -> list[str]:
    found = part(data, *keys)
    return [str(each) for each in found] if isinstance(found, list) else []


def word(data: Any, *keys: str) -> str:
    found = part(data, *keys)
    return found if isinstance(found, str) else ""
