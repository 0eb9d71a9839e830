"""Vyper's standard JSON input of a deployed contract, and the proof that it rebuilds the code byte for byte.

Used by `scripts/verify.py` and `scripts/status.py`. The input holds every source that the compiler read and every
setting that moves a byte, so an explorer, an auditor or `vyper-json` on another machine gets the same code.
Format: https://docs.vyperlang.org/en/v0.4.3/compiling-a-contract.html#compiler-input-and-output-json-description
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import cbor2

from scripts.export_abi import ROOT, SOURCES, compile_contract

# A contract that is compiled without these would be another one: they repeat what ape-config.yaml and the pragmas say.
EVM_VERSION = "cancun"
OPTIMIZE = "gas"
OUTPUTS = ["abi", "evm.bytecode", "evm.deployedBytecode"]
COMPILE_SECONDS_MAX = 120
# Unbuffered, Python drops what a pipe had not taken when the compiler was stopped and went on.
BUFFERED = {"PYTHONUNBUFFERED": ""}

StandardJson = dict[str, object]


class CannotRebuild(ValueError):
    """The input does not compile, or not to what it should; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class Build:
    """What the compiler makes of a contract. `immutables` is how many bytes follow `runtime` in deployed code."""

    creation: bytes
    runtime: bytes
    immutables: int
    abi: list[dict[str, object]]

    @property
    def metadata(self) -> int:
        """Where in `creation` the compiler's metadata begins: it ends with its own length in two bytes."""
        return len(self.creation) - int.from_bytes(self.creation[-2:], "big")


def contract_id(name: str) -> str:
    """`path:Name`, as explorers call a contract of a standard JSON input."""
    return f"{SOURCES[name]}:{name}"


def compiler_version() -> str:
    """The installed compiler's version with its commit, such as "0.4.3+commit.bff19ea2"."""
    from vyper.utils import get_long_version  # type: ignore[import-untyped]

    return str(get_long_version())


@cache
def standard_json(name: str, root: Path = ROOT) -> str:
    """The standard JSON input of a contract as text, the same for the same sources.

    Paths in it are relative to the root of the repository. Raises CannotRebuild when the contract does not compile.
    """
    source = SOURCES[name]
    command = [_program("vyper"), "-p", ".", "-f", "solc_json", source]
    done = subprocess.run(
        command, cwd=root, env=os.environ | BUFFERED, capture_output=True, text=True, timeout=COMPILE_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        raise CannotRebuild(f"{source} does not compile: {_last_lines(done.stderr)}")
    bundle = json.loads(done.stdout)
    content: StandardJson = {
        "language": "Vyper",
        "sources": {path: {"content": bundle["sources"][path]["content"]} for path in sorted(bundle["sources"])},
        "settings": {
            "evmVersion": EVM_VERSION,
            "optimize": OPTIMIZE,
            "search_paths": bundle["settings"]["search_paths"],
            "outputSelection": {source: OUTPUTS},
        },
    }
    outside = [path for path in bundle["sources"] if PurePosixPath(path).is_absolute() or ".." in path]
    if outside:
        raise CannotRebuild(f"{source} imports from outside the repository: {', '.join(outside)}")
    return json.dumps(content, indent=1) + "\n"


@cache
def build(text: str) -> Build:
    """Compiles a standard JSON input with `vyper-json`, in an empty folder where no other source can be found.

    Raises CannotRebuild when it is not one, or does not compile to exactly one contract.
    """
    with tempfile.TemporaryDirectory(prefix="rebuild-") as folder:
        done = subprocess.run(
            [_program("vyper-json")],
            cwd=folder,
            env=os.environ | BUFFERED,
            input=text,
            capture_output=True,
            text=True,
            timeout=COMPILE_SECONDS_MAX,
            check=False,
        )
    if done.returncode != 0:
        raise CannotRebuild(f"vyper-json refuses the input: {_last_lines(done.stderr)}")
    output = json.loads(done.stdout)
    if output.get("errors"):
        raise CannotRebuild(f"the input does not compile: {output['errors'][0]['message']}")
    contracts = [contract for names in output["contracts"].values() for contract in names.values()]
    if len(contracts) != 1:
        raise CannotRebuild(f"the input selects {len(contracts)} contracts, not one")
    code = contracts[0]["evm"]
    built = _build(bytes.fromhex(code["bytecode"]["object"].removeprefix("0x")), contracts[0]["abi"])
    if built.runtime.hex() != code["deployedBytecode"]["object"].removeprefix("0x"):
        raise CannotRebuild("the metadata does not say where in the creation code the runtime code is")
    return built


@cache
def local_build(name: str) -> Build:
    """The build of the working tree's sources, in this process: quicker than `build`, and not a proof of anything."""
    artifact = compile_contract(name)
    abi = artifact["abi"]
    assert isinstance(abi, list)
    return _build(bytes.fromhex(str(artifact["bytecode"]).removeprefix("0x")), abi)


def difference(expected: bytes, found: bytes, of: Build) -> str | None:
    """In words where two pieces of creation code first differ, by how much, and in which part; None when they do not.

    Parts: the constructor with the runtime code in it, then the metadata with a digest over all sources.
    """
    if expected == found:
        return None
    shorter = min(len(expected), len(found))
    first = next((at for at in range(shorter) if expected[at] != found[at]), shorter)
    if first == shorter:
        return f"equal up to byte {first}, but {len(found)} bytes long instead of {len(expected)}"
    bytes_differ = sum(1 for at in range(shorter) if expected[at] != found[at])
    part = "the metadata (digest of the sources)" if first >= of.metadata else "the code"
    return (
        f"byte {first} of {len(expected)}, in {part}, is 0x{found[first]:02x} instead of 0x{expected[first]:02x}; "
        f"{bytes_differ} bytes differ in all, {len(found)} bytes long"
    )


def runtime_difference(of: Build, deployed: bytes) -> str | None:
    """In words how code on the chain differs from a build, its immutable values aside; None when it does not."""
    if not deployed:
        return "there is no code"
    expected = len(of.runtime) + of.immutables
    if len(deployed) != expected:
        return f"{len(deployed)} bytes long instead of {expected}"
    first = next((at for at, byte in enumerate(of.runtime) if deployed[at] != byte), None)
    if first is None:
        return None
    return f"byte {first} of {expected} is 0x{deployed[first]:02x} instead of 0x{of.runtime[first]:02x}"


def _build(creation: bytes, abi: list[dict[str, object]]) -> Build:
    """Creation code is the constructor, the runtime code and the metadata, which says how long the others are."""
    end = len(creation) - int.from_bytes(creation[-2:], "big")
    # [digest of the sources, bytes of runtime code, bytes of data sections in it, bytes of immutables, compiler]
    _, runtime, _, immutables, _ = cbor2.loads(creation[end:-2])
    return Build(creation, creation[end - runtime : end], immutables, abi)


def _program(name: str) -> str:
    """The compiler that belongs to this interpreter, before whatever else PATH has."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise CannotRebuild(f"{name} is not installed: run make setup")
    return found


def _last_lines(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "no output"
