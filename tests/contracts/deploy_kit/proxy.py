"""A node between a script and the chain that can fall silent, change an answer, or end the script at a chosen call."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.request import Request, urlopen

Hook = Callable[[dict[str, Any]], None]
Change = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


class Proxy:
    """`before` and `after` see each request around its forwarding and `before` may alter it; `change` may replace the
    answer."""

    def __init__(self, chain_url: str) -> None:
        self.chain_url = chain_url
        self.url = ""
        self.before: Hook = lambda request: None
        self.after: Hook = lambda request: None
        self.change: Change = lambda request, answer: answer
        self.methods: list[str] = []
        self._lock = Lock()

    def answer(self, body: bytes) -> bytes:
        """One request at a time, so that hooks may count."""
        request = json.loads(body)
        with self._lock:
            self.methods.append(request["method"])
            self.before(request)
            forwarded = Request(self.chain_url, json.dumps(request).encode(), {"Content-Type": "application/json"})
            with urlopen(forwarded, timeout=30) as response:
                answer = json.load(response)
            self.after(request)
        return json.dumps(self.change(request, answer)).encode()


@contextmanager
def proxy_to(chain_url: str) -> Iterator[Proxy]:
    """A proxy on a free port."""
    proxy = Proxy(chain_url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = proxy.answer(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # who asked was killed

        def log_message(self, format: str, *arguments: object) -> None:
            """The test's output stays the test's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
