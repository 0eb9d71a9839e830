"""A Sourcify server for tests, with the routes, statuses and error codes of its API version 2.

Judges as `explorer_stand_in` does: it compiles what it is sent and compares with the creation that the chain shows.
https://docs.sourcify.dev/docs/api/ and the server's own checks of a standard JSON input.
"""

import json
import re
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from explorer_stand_in import compiled, creation_input

VERIFY = re.compile(r"/server/v2/verify/(\d+)/(0x[0-9a-fA-F]{40})")
JOB = re.compile(r"/server/v2/verify/([0-9a-f-]{36})")
COMPILER = re.compile(r"\d+\.\d+\.\d+\+commit\.[0-9a-f]{8}")
TRANSACTION = re.compile(r"0x[0-9a-f]{64}")
TOP_LEVEL = {"language", "sources", "settings", "storage_layout_overrides"}

Answer = tuple[int, dict[str, Any]]


class SourcifyStandIn:
    """The server; `with` starts and stops it. `busy_next` requests are answered with HTTP 429."""

    def __init__(self, rpc_url: str, chain_id: int) -> None:
        self.rpc_url, self.chain_id = rpc_url, chain_id
        self.busy_next = 0
        self._verified: set[str] = set()
        self._jobs: dict[str, tuple[str, Future[str | None]]] = {}
        self._polled: set[str] = set()
        self._compilers = ThreadPoolExecutor(max_workers=1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/server"

    def __enter__(self) -> "SourcifyStandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._compilers.shutdown()
        self._thread.join()

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        if self.busy_next > 0:
            self.busy_next -= 1
            return error(429, "duplicate_verification_request", "is already being verified")
        submitted, asked = VERIFY.fullmatch(path), JOB.fullmatch(path)
        if method == "POST" and submitted:
            return self._submit(int(submitted[1]), submitted[2].lower(), body)
        if method == "GET" and asked:
            return self._status(asked[1])
        return error(404, "route_not_found", "there is no such route")

    def _submit(self, chain_id: int, address: str, body: bytes) -> Answer:
        if chain_id != self.chain_id:
            return error(404, "unsupported_chain", f"Chain {chain_id} not found")
        content = json.loads(body)
        problem = what_is_wrong(content)
        if problem:
            return error(400, "invalid_parameter", problem)
        if address in self._verified:
            return error(409, "already_verified", f"Contract {address} is already verified")
        job = str(uuid.uuid4())
        self._jobs[job] = (address, self._compilers.submit(judge, self.rpc_url, address, content))
        return 202, {"verificationId": job}

    def _status(self, job: str) -> Answer:
        if job not in self._jobs:
            return error(404, "job_not_found", f"No verification job found for id {job}")
        address, work = self._jobs[job]
        answer: dict[str, Any] = {"isJobCompleted": False, "verificationId": job}
        if job not in self._polled or not work.done():
            self._polled.add(job)
            return 200, answer
        failure = work.result()
        match = None if failure else "match"
        answer |= {"isJobCompleted": True, "contract": {"match": match, "address": address}}
        if failure:
            answer["error"] = error(0, "no_match", failure)[1]
        else:
            self._verified.add(address)
        return 200, answer


def error(status: int, code: str, message: str) -> Answer:
    return status, {"customCode": code, "message": message, "errorId": str(uuid.uuid4())}


def what_is_wrong(content: dict[str, Any]) -> str:
    """The first field that the API would refuse; empty when all are good."""
    source = content.get("stdJsonInput")
    if not isinstance(source, dict) or source.get("language") != "Vyper" or not source.get("sources"):
        return "Standard JSON input must contain a language and a sources field."
    if set(source) - TOP_LEVEL:
        return f"Standard JSON input contains unsupported top-level field(s): {', '.join(set(source) - TOP_LEVEL)}"
    if ":" not in content.get("contractIdentifier", ""):
        return "The contractIdentifier must consist of the file path and the contract name separated by a ':'."
    if not COMPILER.fullmatch(content.get("compilerVersion", "")):
        return "compilerVersion must be a version with its commit"
    if not TRANSACTION.fullmatch(content.get("creationTransactionHash", "0x" + "0" * 64)):
        return "creationTransactionHash must be a hash"
    return ""


def judge(rpc_url: str, address: str, content: dict[str, Any]) -> str | None:
    """Why the contract was not rebuilt; None when it was."""
    try:
        code, _ = compiled(json.dumps(content["stdJsonInput"]), content["contractIdentifier"])
    except (ValueError, KeyError) as failed:
        return f"Compiler error: {failed}"
    matches = creation_input(rpc_url, address).startswith(code)
    return None if matches else "The onchain and recompiled bytecodes don't match."


def _handler(server: SourcifyStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply("GET")

        def do_POST(self) -> None:
            self._reply("POST")

        def _reply(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, answer = server.answer(method, self.path, body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Tests read the answers, not a log."""

    return Handler
