"""JSON-RPC over one kept-alive HTTP connection. Every odd answer is an RpcError: change nothing, wait, ask again."""

import base64
import http.client
import threading
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from indexer.answers import Call, Header, LogAnswer, Receipt, Refusal, Transaction

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Param = str | bool | dict[str, object]
METHOD_NOT_FOUND = -32601
ANSWER_BYTES_MAX = 256 * 1024 * 1024


class RpcError(Exception):
    """The node could not be reached or gave an answer that cannot be used now. Worth retrying."""


class RpcRefused(RpcError):
    """The node answered with a JSON-RPC error, of which `code` is METHOD_NOT_FOUND when it does not know the method."""

    def __init__(self, method: str, refusal: Refusal) -> None:
        super().__init__(f"{method}: {refusal.message} ({refusal.code})")
        self.code = refusal.code


class _Answer(msgspec.Struct, Generic[T]):
    id: int | str | None = None
    result: T | None = None
    error: Refusal | None = None


class _AnswerTo(Protocol[T_co]):
    @property
    def id(self) -> int | str | None: ...
    @property
    def result(self) -> T_co | None: ...
    @property
    def error(self) -> Refusal | None: ...


class _RawAnswer(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Refusal | None = None


class Client:
    """Reads a chain. Safe to share between threads: one request at a time."""

    def __init__(self, url: str, *, timeout_seconds: float = 20.0, batch: int = 100) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the RPC URL must start with http:// or https:// and name a host")
        self.name = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        self._connection = _connection(parts, timeout_seconds)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json", **_authorization(parts)}
        self._batch = batch
        self._lock = threading.Lock()

    def close(self) -> None:
        self._connection.close()

    def chain_and_head(self) -> tuple[int, Header]:
        """Chain id and newest header, from one request, so that both come from the same node."""
        body = self._post([_call("eth_chainId", [], 0), _call("eth_getBlockByNumber", ["latest", False], 1)])
        raw = self._decode(body, list[_RawAnswer])
        chain_id, head = _in_order(raw, ["eth_chainId", "eth_getBlockByNumber"])
        header = self._decode(head, Header)
        quantity(header.number)
        return quantity(self._decode(chain_id, str)), header

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        """Headers by number. Raises RpcError when one is missing or is another block's."""
        found = self._many("eth_getBlockByNumber", [[hex(number), False] for number in numbers], Header)
        for number, header in zip(numbers, found, strict=True):
            if quantity(header.number) != number:
                raise RpcError(f"asked for block {number}, got {header.number}")
        return found

    def receipts(self, block_hashes: Sequence[str]) -> list[list[Receipt]]:
        """All receipts of each block, asked for by hash: a reorganisation in between cannot mix blocks."""
        return self._many("eth_getBlockReceipts", [[block_hash] for block_hash in block_hashes], list[Receipt])

    def logs(self, first: int, last: int, addresses: Sequence[str]) -> list[LogAnswer]:
        """`eth_getLogs` of these addresses over blocks first..last. It may leave logs out: see `proof`."""
        criteria: dict[str, object] = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(addresses)}
        return self._many("eth_getLogs", [[criteria]], list[LogAnswer])[0]

    def inputs(self, tx_hashes: Sequence[str]) -> list[bytes]:
        """Calldata of each transaction."""
        found = self._many("eth_getTransactionByHash", [[tx_hash] for tx_hash in tx_hashes], Transaction)
        return [_hex_bytes(transaction.input) for transaction in found]

    def inner_inputs(self, tx_hash: str) -> list[bytes]:
        """Calldata of every call made inside a transaction; needs a node with the `debug` methods."""
        tracer: dict[str, object] = {"tracer": "callTracer"}
        return _flat(self._many("debug_traceTransaction", [[tx_hash, tracer]], Call)[0])

    def _many(self, method: str, params: Sequence[Sequence[Param]], kind: type[T]) -> list[T]:
        found: list[T] = []
        for start in range(0, len(params), self._batch):
            part = params[start : start + self._batch]
            body = self._post([_call(method, values, i) for i, values in enumerate(part)])
            found += _in_order(self._decode(body, list[_Answer[kind]]), [method] * len(part))  # type: ignore[valid-type]
        return found

    def _post(self, calls: Sequence[dict[str, object]]) -> bytes:
        with self._lock:
            try:
                self._connection.request("POST", self._path, msgspec.json.encode(calls), self._headers)
                response = self._connection.getresponse()
                body = response.read(ANSWER_BYTES_MAX + 1)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise RpcError(f"cannot reach the RPC at {self.name}: {error or type(error).__name__}") from error
            if len(body) > ANSWER_BYTES_MAX:
                self._connection.close()
                raise RpcError(f"{self.name} answered more than {ANSWER_BYTES_MAX} bytes")
        if response.status != http.client.OK:
            raise RpcError(f"{self.name} answered HTTP {response.status}")
        return body

    def _decode(self, body: bytes | msgspec.Raw, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise RpcError(f"{self.name} gave an answer of another shape: {error}") from error


def quantity(text: str) -> int:
    """A number as JSON-RPC writes it. Raises RpcError."""
    try:
        return int(text, 16)
    except ValueError as error:
        raise RpcError(f"not a number: {text[:20]}") from error


def _connection(parts: SplitResult, timeout_seconds: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout_seconds)


def _authorization(parts: SplitResult) -> dict[str, str]:
    """Basic authorization when the URL carries a user and password."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _call(method: str, params: Sequence[Param], number: int) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def _in_order(answers: Sequence[_AnswerTo[T]], methods: Sequence[str]) -> list[T]:
    """Results in the order of the calls. Raises RpcError unless each call has exactly one non-null result."""
    by_id = {answer.id: answer for answer in answers}
    if len(answers) != len(methods) or by_id.keys() != set(range(len(methods))):
        raise RpcError(f"{methods[0]}: asked {len(methods)}, got {len(answers)} answers")
    results = []
    for number, method in enumerate(methods):
        answer = by_id[number]
        if answer.error is not None:
            raise RpcRefused(method, answer.error)
        if answer.result is None:
            raise RpcError(f"{method}: the node has no such thing (null)")
        results.append(answer.result)
    return results


def _hex_bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise RpcError(f"not hex: {text[:20]}") from error


def _flat(call: Call) -> list[bytes]:
    return [_hex_bytes(call.input)] + [data for inner in call.calls for data in _flat(inner)]
