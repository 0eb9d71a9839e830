"""Every kind of notice that the code writes is documented, so that it can be asked for by webhook."""

import ast
import re
from pathlib import Path

import backend
from backend.core.notice_kinds import KINDS, kinds_table

BACKEND = Path(backend.__file__).parent
KIND = re.compile(r"[a-z_]+\.[a-z_]+")


def written() -> set[str]:
    """First words of every `notify(connection, account, …)`: a kind, or with a trailing dot the thing of several."""
    found: set[str] = set()
    for path in BACKEND.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "notify":
                kind = node.args[2]
                found |= {
                    part.value for part in ast.walk(kind)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and "." in part.value
                }
    return found


def test_kinds__that_are_written__are_documented() -> None:
    found = written()
    assert "webhook.disabled" in found
    missing = {kind for kind in found if not kind.endswith(".")} - KINDS.keys()
    assert missing == set()
    things = {kind for kind in found if kind.endswith(".")}
    assert {thing for thing in things if not any(kind.startswith(thing) for kind in KINDS)} == set()


def test_kinds__that_are_documented__are_written() -> None:
    source = "\n".join(path.read_text() for path in BACKEND.rglob("*.py") if path.name != "notice_kinds.py")
    assert {kind for kind in KINDS if f'"{kind.partition(".")[0]}.' not in source} == set()


def test_kinds__are_a_thing_and_what_happened_to_it() -> None:
    assert all(KIND.fullmatch(kind) for kind in KINDS)
    assert all(f"| `{kind}` | {meaning} |" in kinds_table() for kind, meaning in KINDS.items())
