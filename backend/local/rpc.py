"""JSON-RPC to a chain's node, as far as starting, checking and steering a local chain needs it."""

import json
import urllib.error
import urllib.request
from typing import TypeAlias

from backend.local.errors import LocalStackError

Json: TypeAlias = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def rpc(rpc_url: str, method: str, *params: Json, timeout_seconds: float = 10.0) -> Json:
    """The `result` of one call. Raises LocalStackError when the node cannot be reached or answers with an error."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
    try:
        request = urllib.request.Request(rpc_url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout_seconds) as response:
            answer = json.load(response)
    except (OSError, ValueError) as error:
        raise LocalStackError(f"{method} failed: {error}") from error
    if not isinstance(answer, dict) or "result" not in answer:
        raise LocalStackError(f"{method} was refused by the node: {answer}")
    result: Json = answer["result"]
    return result


def rpc_integer(rpc_url: str, method: str, *params: Json, timeout_seconds: float = 10.0) -> int:
    """The result of a call that answers with a hexadecimal number."""
    result = rpc(rpc_url, method, *params, timeout_seconds=timeout_seconds)
    if not isinstance(result, str):
        raise LocalStackError(f"{method} answered {result!r} instead of a number")
    return int(result, 16)


def fund(rpc_url: str, address: str, wei: int) -> None:
    """Set the balance of `address` in the native coin, in wei. Local chains only (anvil_setBalance)."""
    rpc(rpc_url, "anvil_setBalance", address, hex(wei))
