"""A block explorer for tests: an HTTP server that takes and judges source code as Etherscan's API (version 2) does.

It holds every field of a request against the API's documentation, compiles what it is sent with `vyper-json`, and looks
on the chain, through a node's RPC, for the creation that the contract's address comes from: the call trace shows it
with its full input, also where a contract was created by another one. Nothing of the code under test is used.

https://docs.etherscan.io/api-reference/endpoint/verifyvyper, .../checkverifystatus, and
https://docs.etherscan.io/resources/common-error-messages for the texts.
"""

import json
import os
import re
import secrets
import string
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from backend.local import rpc

KEY = "EXPLORERKEYOFTHETESTS"
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
CONTRACT_NAME = re.compile(r"[\w./-]+\.vy:\w+")
HEX = re.compile(r"(?:[0-9a-f]{2})*")
COMPILE_SECONDS_MAX = 120
COMPILER = "vyper:0.4.3"
REQUIRED = ("contractaddress", "sourceCode", "codeformat", "contractname", "compilerversion", "optimizationUsed")
PASS, FAIL, PENDING = "Pass - Verified", "Fail - Unable to verify", "Pending in queue"

Fields = dict[str, str]


class Refused(Exception):
    """The text of an answer with status "0"."""


class ExplorerStandIn:
    """The server; `with` starts and stops it. `url` is what clients are told.

    Knobs: `limit_next` requests are answered with the rate limit, `down_next` with HTTP 502; contracts in `unseen` are
    not indexed yet and appear after having been asked for so often. `asked` counts requests by action.
    """

    def __init__(self, rpc_url: str, chain_id: int) -> None:
        self.rpc_url = rpc_url
        self.chain_id = chain_id
        self.limit_next = 0
        self.down_next = 0
        self.unseen: dict[str, int] = {}
        self.asked: dict[str, int] = {}
        self.submitted: list[Fields] = []
        self._verified: set[str] = set()
        self._jobs: dict[str, tuple[str, Future[str]]] = {}
        self._polled: set[str] = set()
        self._compilers = ThreadPoolExecutor(max_workers=1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v2/api"

    def __enter__(self) -> "ExplorerStandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._compilers.shutdown()
        self._thread.join()

    def answer(self, method: str, query: Fields, form: Fields) -> tuple[int, bytes]:
        """(HTTP status, body) of a request."""
        if self.down_next > 0:
            self.down_next -= 1
            return 502, b"<html>Bad Gateway</html>"
        try:
            result, status = self._act(method, query, form), "1"
        except Refused as refused:
            result, status = str(refused), "0"
        body = {"status": status, "message": "OK" if status == "1" else "NOTOK", "result": result}
        return 200, json.dumps(body).encode()

    def _act(self, method: str, query: Fields, form: Fields) -> str:
        fields = query | form
        self.asked[fields.get("action", "")] = self.asked.get(fields.get("action", ""), 0) + 1
        if query.get("chainid") != str(self.chain_id):
            raise Refused(
                "Missing or unsupported chainid parameter (required for v2 api), please see chainlist for the list of "
                "supported chainids"
            )
        if fields.get("apikey") != KEY:
            raise Refused("Invalid API Key")
        if self.limit_next > 0:
            self.limit_next -= 1
            raise Refused("Max calls per sec rate limit reached (5/sec)")
        if (fields.get("module"), fields.get("action"), method) == ("contract", "verifysourcecode", "POST"):
            return self._submit(form)
        if (fields.get("module"), fields.get("action"), method) == ("contract", "checkverifystatus", "GET"):
            return self._status(query.get("guid", ""))
        raise Refused("Error! Missing Or invalid Action name")

    def _submit(self, form: Fields) -> str:
        check_form(form)
        address = form["contractaddress"].lower()
        if rpc(self.rpc_url, "eth_getCode", address, "latest") == "0x" or self.unseen.get(address, 0) > 0:
            self.unseen[address] = self.unseen.get(address, 0) - 1
            raise Refused(f"Unable to locate ContractCode at {form['contractaddress']}")
        if address in self._verified:
            raise Refused("Contract source code already verified")
        guid = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(50))
        self._jobs[guid] = (address, self._compilers.submit(judge, self.rpc_url, form))
        self.submitted.append(form)
        return guid

    def _status(self, guid: str) -> str:
        if guid not in self._jobs:
            raise Refused("Invalid GUID")
        address, job = self._jobs[guid]
        if guid not in self._polled or not job.done():
            self._polled.add(guid)
            raise Refused(PENDING)
        if job.result() != PASS:
            raise Refused(job.result())
        self._verified.add(address)
        return PASS


def check_form(form: Fields) -> None:
    """Raises Refused for what the API would not even queue."""
    missing = [name for name in REQUIRED if not form.get(name)]
    if missing:
        raise Refused(f"Missing or invalid parameter: {', '.join(missing)}")
    if form["codeformat"] != "vyper-json":
        raise Refused("Invalid codeformat")
    if not ADDRESS.fullmatch(form["contractaddress"]):
        raise Refused("Error! Invalid address format")
    if not CONTRACT_NAME.fullmatch(form["contractname"]):
        raise Refused("Invalid contract name, it must be path:Name")
    if form["compilerversion"] != COMPILER:
        raise Refused("Invalid or not supported compilerversion")
    if form["optimizationUsed"] not in ("0", "1"):
        raise Refused("Invalid optimizationUsed")
    if not HEX.fullmatch(arguments_of(form)):
        raise Refused("Invalid constructor arguments provided. Please verify that they are in ABI-encoded format")
    check_source(form)


def check_source(form: Fields) -> None:
    try:
        source = json.loads(form["sourceCode"])
        sources, settings, language = source["sources"], source["settings"], source["language"]
    except (ValueError, KeyError, TypeError):
        raise Refused("Invalid sourceCode, it is not a standard JSON input") from None
    path = form["contractname"].split(":")[0]
    if language != "Vyper" or path not in sources or path not in settings["outputSelection"]:
        raise Refused(f"Unable to find {path} in the standard JSON input")


def arguments_of(form: Fields) -> str:
    """The documented spelling, or the one of many years."""
    return form.get("constructorArguments") or form.get("constructorArguements") or ""


def judge(rpc_url: str, form: Fields) -> str:
    """PASS, or FAIL with a reason, of a queued request."""
    try:
        code, takes_arguments = compiled(form["sourceCode"], form["contractname"])
    except (ValueError, KeyError) as error:
        return f"{FAIL}. Compilation error: {error}"
    arguments = arguments_of(form)
    if takes_arguments and not arguments:
        return f"{FAIL}. The constructor takes arguments, none were provided"
    creation = creation_input(rpc_url, form["contractaddress"])
    if code + arguments == creation:
        return PASS
    if creation.startswith(code):
        return f"{FAIL}. Constructor arguments do not match"
    return f"{FAIL}. Compiled contract deployment bytecode does NOT match the transaction deployment bytecode"


@cache
def compiled(source: str, contract_name: str) -> tuple[str, bool]:
    """Creation code in hex, and whether the constructor takes arguments."""
    path, name = contract_name.split(":")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "vyper-json")],
            cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": ""},      # else what it says is cut when it is stopped for a moment
            input=source,
            capture_output=True,
            text=True,
            timeout=COMPILE_SECONDS_MAX,
            check=False,
        )
    if done.returncode != 0:
        raise ValueError(done.stderr[-200:])
    output = json.loads(done.stdout)
    if output.get("errors"):
        raise ValueError(output["errors"][0]["message"])
    contract = output["contracts"][path][name]
    constructors = [entry for entry in contract["abi"] if entry["type"] == "constructor"]
    code: str = contract["evm"]["bytecode"]["object"]
    return code.removeprefix("0x"), any(entry["inputs"] for entry in constructors)


def creation_input(rpc_url: str, address: str) -> str:
    """What the contract at an address was created from: code and arguments in hex, searched from the newest block."""
    head: Any = rpc(rpc_url, "eth_blockNumber")
    for number in range(int(head, 16), 0, -1):
        block: Any = rpc(rpc_url, "eth_getBlockByNumber", hex(number), False)
        for transaction in block["transactions"]:
            trace = rpc(rpc_url, "debug_traceTransaction", transaction, {"tracer": "callTracer"})
            for call in calls(trace):
                if call["type"] in ("CREATE", "CREATE2") and call.get("to", "").lower() == address.lower():
                    found: str = call["input"]
                    return found.removeprefix("0x")
    return ""


def calls(trace: Any) -> Iterator[dict[str, Any]]:
    """A call and all calls inside it."""
    yield trace
    for inner in trace.get("calls", ()):
        yield from calls(inner)


def _handler(explorer: ExplorerStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply("GET", {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            is_form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
            self._reply("POST", _flat(body) if is_form else {})

        def _reply(self, method: str, form: Fields) -> None:
            where = urlsplit(self.path)
            found = where.path == "/v2/api"
            status, body = explorer.answer(method, _flat(where.query), form) if found else (404, b"not found")
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests read the answers, not a log."""

    return Handler


def _flat(encoded: str) -> Fields:
    return {name: values[-1] for name, values in parse_qs(encoded, keep_blank_values=True).items()}
