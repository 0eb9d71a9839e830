"""How long people wait: p99 of every route that a dashboard reads, and of a sign-in, over a large database.

1,000 campaigns and 10,000 placements of one account, 10^7 ledger entries with their events. `--entries` takes fewer.
The baseline is the hello of the same server in the same run: /healthz.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, urlsplit

import httpx
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from PIL import Image
from sqlalchemy import Engine, text

from backend.api.openapi import operations
from backend.db.engine import make_engine
from backend.db.migrate import upgrade
from backend.local import start_stack
from backend.local.ports import free_port
from bench import load
from bench.big_accounts import CONTRACT, MASTER_KEY, publish
from bench.big_database import CHAIN_ID, fill, filled, samples_of

RUNS, SECONDS = 3, 0.7
CONNECTIONS = 2
SIGN_INS = 200
GOAL_MS, GOAL_SIGN_IN_MS = 50.0, 20.0
START_SECONDS_MAX = 60.0


@dataclass(frozen=True)
class Running:
    """The server, who is signed in to it, and an id for every parameter of a path."""

    url: str
    owner: LocalAccount
    bearer: str
    samples: Mapping[str, object]


@dataclass(frozen=True)
class Waits:
    """Milliseconds."""

    p50_ms: float
    p99_ms: float


@contextmanager
def running(entries: int) -> Iterator[Running]:
    """`sightline serve` on fresh stores with that many ledger entries."""
    owner: LocalAccount = Account.from_key(b"\x07" * 32)
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder:
        Path(folder).chmod(0o755)
        env = {"PATH": os.environ.get("PATH", "")}
        with start_stack(Path(folder), need=frozenset({"postgres", "redis", "anvil"}), env=env) as stack:
            upgrade(stack.database_url)
            engine = make_engine(stack.database_url, pool_size=2)
            wallet = owner.address.lower()
            fill(engine, stack.database_url, wallet, entries)
            publish(engine, Path(folder))
            env = {"DATABASE_URL": stack.database_url, "REDIS_URL": stack.redis_url, "RPC_URL": stack.rpc_url,
                   "SIGHTLINE_ADMIN_WALLETS": wallet}
            with _serve(Path(folder), env) as url:
                bearer = _bearer(url, owner)
                yield Running(url, owner, bearer, samples_of(engine, wallet) | _made(url, bearer, engine))
            engine.dispose()


@contextmanager
def _serve(folder: Path, stores: Mapping[str, str]) -> Iterator[str]:
    port = free_port()
    contracts = {name: {"address": CONTRACT, "block": 0} for name in ("CampaignEscrow", "PublisherPayout", "MockUSDC")}
    deployment = folder / "deployment.json"
    deployment.write_text(json.dumps({"chain_id": CHAIN_ID, "contracts": contracts}))
    url = f"http://127.0.0.1:{port}"
    env = os.environ | stores | {
        "SIGHTLINE_PORT": str(port), "SIGHTLINE_TOKEN_KEY": os.urandom(32).hex(),
        "SIGHTLINE_MASTER_KEY": MASTER_KEY.hex(), "SIGHTLINE_DEPLOYMENT": str(deployment),
        "SIGHTLINE_DATA_DIR": str(folder), "SIGHTLINE_PUBLIC_URL": url,
    }
    server = subprocess.Popen([sys.executable, "-m", "backend.cli", "serve"], env=env)
    try:
        _wait(server, url)
        yield url
    finally:
        server.terminate()
        server.wait(15)


def _bearer(url: str, owner: LocalAccount) -> str:
    with httpx.Client(base_url=url) as client:
        body = _signed(client.post("/v1/auth/nonce").json(), owner)
        return f"Bearer {client.post('/v1/auth/verify', json=body).raise_for_status().json()['token']}"


def _made(url: str, bearer: str, engine: Engine) -> dict[str, object]:
    """Samples that only the API can make: a file that is there, a creative that shows it, a link to an export."""
    image = BytesIO()
    Image.effect_noise((1024, 512), 60).convert("RGB").save(image, "PNG")
    with httpx.Client(base_url=url, headers={"Authorization": bearer}) as client, engine.connect() as connection:
        upload = client.post("/v1/assets", content=image.getvalue(), headers={"Content-Type": "image/png"})
        asset = upload.raise_for_status().json()["sha256"]
        line_item = connection.execute(text("select max(id) from line_item")).scalar_one()
        export = connection.execute(text("select max(id) from privacy_export")).scalar_one()
        wish = {"asset": asset, "click_url": "https://shop.example/"}
        creative = client.post(f"/v1/line-items/{line_item}/creatives", json=wish).raise_for_status().json()["id"]
        ready = client.get(f"/v1/privacy/exports/{export}").raise_for_status().json()
        link = parse_qs(urlsplit(ready["download_url"]).query)
    return {"sha256": asset, "creative": creative, "expires": link["expires"][0], "signature": link["signature"][0]}


def _wait(server: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


def measure(entries: int) -> dict[str, dict[str, object]]:
    """A row per route: the median of the runs' p99 in milliseconds; `ratio` is against /healthz."""
    with running(entries) as server:
        document = httpx.get(f"{server.url}/openapi.json").json()
        paths = [path for path, method, _ in operations(document) if method == "get" and path.startswith("/v1/")]
        hello = _waits(server, "/healthz")
        rows = {"hello": _row(hello, hello)}
        for path in paths:
            rows[f"GET {path}"] = _measured(server, path, hello) | {"goal": GOAL_MS}
        rows["sign_in"] = _row(_sign_ins(server), hello) | {"goal": GOAL_SIGN_IN_MS}
    return rows


def _measured(server: Running, path: str, hello: Waits) -> dict[str, object]:
    """The row of a route, or why there is none."""
    try:
        asked = filled(path, server.samples)
    except KeyError as error:
        return {"value": None, "unit": f"not measured: nothing is known of {error}"}
    answer = httpx.get(server.url + asked, headers=_headers(server), timeout=30)
    if not answer.is_success:
        return {"value": None, "unit": f"not measured: {answer.status_code} {answer.text[:200]}"}
    return _row(_waits(server, asked), hello)


def _row(waits: Waits, baseline: Waits) -> dict[str, object]:
    return {"value": round(waits.p99_ms, 2), "unit": "ms p99", "baseline": round(baseline.p99_ms, 2),
            "ratio": round(waits.p99_ms / baseline.p99_ms, 2), "p50_ms": round(waits.p50_ms, 2)}


def _headers(server: Running) -> dict[str, str]:
    return {"Authorization": server.bearer}


def _waits(server: Running, path: str) -> Waits:
    head, _, tail = load.request(server.url, "GET", path).partition(b"\r\n")
    content = head + b"\r\nAuthorization: " + server.bearer.encode() + b"\r\n" + tail

    def once() -> Waits:
        run = load.run(
            server.url, lambda: content, lambda status, _: status.endswith(b"200"), connections=CONNECTIONS,
            seconds=SECONDS,
        )
        return Waits(run.p50_ms, run.p99_ms)

    once()                                       # the first requests fill caches
    runs = [once() for _ in range(RUNS)]
    return Waits(median(run.p50_ms for run in runs), median(run.p99_ms for run in runs))


def _sign_ins(server: Running) -> Waits:
    """Of POST /v1/auth/verify with the signature of an ordinary account."""
    waits = []
    with httpx.Client(base_url=server.url) as client:
        for _ in range(SIGN_INS):
            body = _signed(client.post("/v1/auth/nonce").json(), server.owner)
            begun = time.perf_counter()
            assert client.post("/v1/auth/verify", json=body).is_success
            waits.append((time.perf_counter() - begun) * 1e3)
            client.cookies.clear()
    waits.sort()
    return Waits(median(waits), waits[len(waits) * 99 // 100])


def _signed(offer: Mapping[str, object], owner: LocalAccount) -> dict[str, str]:
    now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    message = (
        f"{offer['domain']} wants you to sign in with your Ethereum account:\n{owner.address}\n\nSign in.\n\n"
        f"URI: {offer['uri']}\nVersion: 1\nChain ID: {offer['chain_id']}\nNonce: {offer['nonce']}\n"
        f"Issued At: {now.isoformat()}Z\nExpiration Time: {(now + timedelta(minutes=5)).isoformat()}Z"
    )
    return {"message": message, "signature": "0x" + owner.sign_message(encode_defunct(text=message)).signature.hex()}


def main() -> None:
    """Print the rows, as text or as one JSON object; `--strict` fails when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a row misses its goal")
    parser.add_argument("--entries", type=int, default=10_000_000, help="ledger entries (default: ten million)")
    options = parser.parse_args()
    rows = measure(options.entries)
    if options.json:
        print(json.dumps(rows))
    else:
        for name, row in sorted(rows.items(), key=lambda item: -float(str(item[1]["value"] or 0))):
            print(f"{name:64} {row['value']!s:>8} {row['unit']}  p50 {row.get('p50_ms')}  ratio {row.get('ratio')}")
    missed = [name for name, row in rows.items() if float(str(row["value"] or 0)) > float(str(row.get("goal", "inf")))]
    if options.strict and missed:
        sys.exit(f"over the goal: {', '.join(missed)}")


if __name__ == "__main__":
    main()
