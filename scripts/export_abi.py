"""Writes `contracts/abi/<Name>.json`, the plain ABI arrays that indexer, backend and dashboards read.

`python scripts/export_abi.py` writes them; with `--check` it only compares and exits 1 when one is stale.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
COMPILED_FOLDER = "SIGHTLINE_COMPILED"
ABI_FOLDER = ROOT / "contracts" / "abi"
SOURCES = {
    "CampaignEscrow": "contracts/CampaignEscrow.vy",
    "PublisherPayout": "contracts/PublisherPayout.vy",
    "MockUSDC": "contracts/testing/MockUSDC.vy",
}


@cache
def compile_contract(name: str) -> dict[str, object]:
    """{"abi", "bytecode", "bytecode_runtime", "layout"} of a contract by its name, by the installed compiler.

    Compiled anew by every process, unless COMPILED_FOLDER names a folder: tests that run a script twenty times set it.
    """
    folder = os.environ.get(COMPILED_FOLDER)
    kept = Path(folder, f"{name}-{_sources_digest()}.json") if folder else None
    if kept and kept.exists():
        return cast("dict[str, object]", json.loads(kept.read_text()))
    artifact = _compile(name)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        written = kept.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(artifact))
        written.replace(kept)
    return artifact


def _compile(name: str) -> dict[str, object]:
    # The compiler takes seconds to import; callers that only want paths do not wait for it.
    from vyper.cli.vyper_compile import compile_files  # type: ignore[import-untyped]

    formats = ["abi", "bytecode", "bytecode_runtime", "layout"]
    output = compile_files([str(ROOT / SOURCES[name])], formats, paths=[str(ROOT)])
    (artifact,) = output.values()
    return dict(artifact)


def _sources_digest() -> str:
    """Of every source and the compiler's version: whatever else is compiled has another name."""
    sources = b"".join(path.read_bytes() for path in sorted((ROOT / "contracts").rglob("*.vy*")))
    return hashlib.sha256(version("vyper").encode() + sources).hexdigest()[:32]


def abi_text(name: str) -> str:
    """The file's text: one ABI entry per line, so that a change of the interface is a readable diff."""
    entries = compile_contract(name)["abi"]
    assert isinstance(entries, list)
    unique = list(dict.fromkeys(json.dumps(entry) for entry in entries))
    return "[\n" + ",\n".join("  " + entry for entry in unique) + "\n]\n"


def export_abi() -> list[Path]:
    """Writes the files that changed and returns the paths of all."""
    ABI_FOLDER.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in SOURCES:
        path = ABI_FOLDER / f"{name}.json"
        text = abi_text(name)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        paths.append(path)
    return paths


def stale() -> list[str]:
    """Names of the contracts whose file does not match the source."""
    files = {name: ABI_FOLDER / f"{name}.json" for name in SOURCES}
    return [name for name, path in files.items() if not path.exists() or path.read_text() != abi_text(name)]


def main(arguments: Sequence[str] = ()) -> int:
    """Entry point, also of `ape run export_abi`; the exit code is 1 when `--check` finds a stale file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    if parser.parse_args(arguments).check:
        names = stale()
        for name in names:
            print(f"contracts/abi/{name}.json is stale: run python scripts/export_abi.py", file=sys.stderr)
        return 1 if names else 0
    for path in export_abi():
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
