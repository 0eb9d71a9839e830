"""Stripe's forms: `metadata[key]=value`, `line_items[0][quantity]=1`, `expand[]=x`, as nested objects of texts."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

_KEY = re.compile(r"^[^\[\]]+|\[([^\[\]]*)\]")


def decode(form: str) -> dict[str, Any]:
    """
    >>> decode("a[b]=1&c[0]=x&c[1]=y&d[]=z")
    {'a': {'b': '1'}, 'c': ['x', 'y'], 'd': ['z']}
    """
    found: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        _put(found, [match[1] if match[0].startswith("[") else match[0] for match in _KEY.finditer(name)], value)
    return _lists(found)


def _put(into: dict[str, Any], path: list[str], value: str) -> None:
    head, *rest = path
    head = str(len(into)) if head == "" else head
    if not rest:
        into[head] = value
        return
    _put(into.setdefault(head, {}), rest, value)


def _lists(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    if found and _counts_up(found):
        return [_lists(value) for value in found.values()]
    return {name: _lists(value) for name, value in found.items()}


def _counts_up(names: Iterable[str]) -> bool:
    return all(name == str(place) for place, name in enumerate(names))
