"""The OpenAPI document and the clients that are generated from it: docs/api/openapi.json, sdk/clients.

`python -m scripts.clients` writes them, `--check` fails when they are not what the code says. The generators are
openapi-python-client and openapi-typescript, pinned in uv.lock and package-lock.json.
"""

import argparse
import filecmp
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from backend.api.openapi import operations
from scripts.described import described_app

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = Path("docs/api/openapi.json")
PYTHON = Path("sdk/clients/python/sightline_client")
TYPESCRIPT = Path("sdk/clients/typescript/schema.ts")


def document() -> str:
    """The OpenAPI document of the whole API."""
    return json.dumps(described_app().openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(target: Path) -> None:
    """Write the document and both clients below the folder `target`."""
    path = target / DOCUMENT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document())
    _write_python(target, path)
    (target / TYPESCRIPT).parent.mkdir(parents=True, exist_ok=True)
    _run("npx", "--no-install", "openapi-typescript", str(path), "--output", str(target / TYPESCRIPT))


def _write_python(target: Path, path: Path) -> None:
    shutil.rmtree(target / PYTHON, ignore_errors=True)
    (target / PYTHON).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as simpler:
        json.dump(_simpler(json.loads(path.read_text())), simpler)
        simpler.flush()
        _run(
            "openapi-python-client", "generate", "--path", simpler.name, "--output-path", str(target / PYTHON),
            "--meta", "none", "--overwrite", "--config", str(ROOT / "sdk/clients/python.yml"), "--fail-on-warning",
        )
    for cache in (target / PYTHON).rglob(".ruff_cache"):
        shutil.rmtree(cache)


def _simpler(content: dict[str, Any]) -> dict[str, Any]:
    """What the generator understands: JSON or bytes, one type for a body or an answer, and no tuples."""
    for _, _, operation in operations(content):
        for carrier in (operation.get("requestBody", {}), *operation["responses"].values()):
            if carrier.get("content"):
                carrier["content"] = _one_type(carrier["content"])
    simpler: dict[str, Any] = _without_tuples(content)
    return simpler


def _one_type(content: dict[str, Any]) -> dict[str, Any]:
    """JSON where there is any, else bytes."""
    for name, media in content.items():
        if name.endswith("json"):
            return {name: media}
    return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def _without_tuples(part: Any) -> Any:
    """Arrays whose places have types of their own, as arrays of any of them: the generator knows no tuples."""
    if isinstance(part, list):
        return [_without_tuples(item) for item in part]
    if not isinstance(part, dict):
        return part
    simpler = {key: _without_tuples(value) for key, value in part.items() if key != "prefixItems"}
    if "prefixItems" in part:
        kinds = {json.dumps(item, sort_keys=True): item for item in part["prefixItems"]}
        simpler["items"] = {"anyOf": list(kinds.values())}
    return simpler


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def differences(made: Path) -> list[str]:
    """Files below the generated paths that are missing, old or left over, sorted."""
    names = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    names |= {path.relative_to(ROOT) for path in (ROOT / PYTHON).rglob("*.py")}
    return sorted(
        str(name) for name in names
        if not (made / name).is_file() or not (ROOT / name).is_file()
        or not filecmp.cmp(made / name, ROOT / name, shallow=False)
    )


def install(made: Path) -> None:
    """Put what was made in its place."""
    shutil.rmtree(ROOT / PYTHON, ignore_errors=True)
    shutil.copytree(made / PYTHON, ROOT / PYTHON)
    for name in (DOCUMENT, TYPESCRIPT):
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made / name, ROOT / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file is old")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:       # outside, where no settings of ours change what a tool writes
        write(Path(folder))
        old = differences(Path(folder)) if check else []
        if not check:
            install(Path(folder))
    if old:
        sys.exit("not what the code says (run `make clients`):\n  " + "\n  ".join(old[:20]))
    print("the OpenAPI document and its clients are up to date")


if __name__ == "__main__":
    main()
