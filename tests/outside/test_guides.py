"""The code of docs/api runs as it stands there, against the running system."""

import hashlib
import hmac
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.demo.cast import Cast
from backend.demo.client import ApiClient
from backend.demo.system import System

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "api"
BLOCK = re.compile(r"^```(python|bash|ts)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NODE_MODULES = ROOT / "node_modules"


def blocks(guide: str, language: str) -> list[str]:
    return [code for found, code in BLOCK.findall((GUIDES / f"{guide}.md").read_text()) if found == language]


@pytest.fixture(scope="module")
def environment(system: System, cast: Cast) -> Iterator[None]:
    """What the guides read from the environment: where the API is, and the key of a wallet."""
    person = cast.advertisers[0]
    client = ApiClient(system.url, person)
    client.sign_in()
    token = str(client._http.headers["Authorization"]).removeprefix("Bearer ")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_URL", system.url)
        patch.setenv("WALLET_KEY", person.key.hex())
        patch.setenv("SIGHTLINE_TOKEN", token)
        patch.chdir(ROOT)
        patch.syspath_prepend(ROOT / "sdk" / "clients" / "python")
        yield
    client.close()
    for opened in _opened:
        opened.close()


_opened: list[httpx.Client] = []


def run(code: list[str], names: dict[str, Any]) -> dict[str, Any]:
    """The names that the blocks leave. Clients that they opened are closed at the end of the tests."""
    for number, block in enumerate(code, 1):
        exec(compile(block, f"block {number}", "exec"), names)
        _opened.extend(value for value in names.values() if isinstance(value, httpx.Client))
    return names


@pytest.fixture(scope="module")
def signed_in(environment: None) -> dict[str, Any]:
    """The names that the first block of signing in leaves: `api`, signed in."""
    return run(blocks("sign-in", "python")[:1], {})


@pytest.mark.parametrize("guide", ["README", "sign-in"])
def test_guide__that_begins_anew__runs(environment: None, guide: str) -> None:
    names = run(blocks(guide, "python"), {})
    assert "api" in names


@pytest.mark.parametrize("guide", ["advertisers", "publishers", "webhooks"])
def test_guide__for_somebody_signed_in__runs(signed_in: dict[str, Any], guide: str) -> None:
    code = blocks(guide, "python")
    assert len(code) > 2
    run(code, dict(signed_in))


def test_guide__shell__runs(environment: None) -> None:
    for code in blocks("sign-in", "bash"):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stderr
        assert '"items"' in done.stdout


def test_guide__typescript__compiles_and_runs(environment: None, tmp_path: Path) -> None:
    folder = ROOT / ".build" / f"typescript-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        (folder / "package.json").write_text('{"type": "module"}')
        for name in ("client.ts", "schema.ts"):
            (folder / name).write_text((ROOT / "sdk/clients/typescript" / name).read_text())
        (folder / "guide.ts").write_text(blocks("README", "ts")[0])
        (folder / "globals.d.ts").write_text("declare const process: { env: Record<string, string | undefined> };")
        options = json.loads((ROOT / "sdk/clients/typescript/tsconfig.json").read_text())
        options["compilerOptions"]["noEmit"] = False
        (folder / "tsconfig.json").write_text(json.dumps(options))
        compiled = subprocess.run([NODE_MODULES / ".bin/tsc", "-p", "."], cwd=folder, capture_output=True, text=True)
        assert compiled.returncode == 0, compiled.stdout
        done = subprocess.run(["node", "guide.js"], cwd=folder, capture_output=True, text=True, timeout=400)
        assert (done.returncode, done.stdout.strip()) == (0, "31337"), done.stderr
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_guides__every_one__is_tested() -> None:
    assert {path.stem for path in GUIDES.glob("*.md")} == {"README", "sign-in", "advertisers", "publishers", "webhooks"}


def test_webhooks__signature_check_of_the_guide__knows_ours_from_others(environment: None) -> None:
    names = run([blocks("webhooks", "python")[1]], {})
    moment, body = int(time.time()), b'{"id": 1}'
    good = hmac.new(b"secret", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert names["is_ours"](body, f"t={moment},v1={good}", "secret")
    assert not names["is_ours"](body + b" ", f"t={moment},v1={good}", "secret")
    assert not names["is_ours"](body, f"t={moment - 400},v1={good}", "secret")
