"""Asks the chain whether a contract wallet signed. Bounded in time and size, whatever the node or the wallet does."""

import ssl
import time
from functools import cached_property
from urllib.parse import urlsplit

import httpx
import msgspec

from backend.auth.signature import WalletSignature
from backend.auth.validator import CALL_GAS, agrees, question
from backend.core.errors import Unavailable
from backend.core.ids import Address

ANSWER_SECONDS_MAX = 4.0
CONNECT_SECONDS_MAX = 2.0
ANSWER_BYTES_MAX = 64 * 1024


class _Answer(msgspec.Struct):
    """JSON-RPC; an error of the node is as good as no answer, since our question cannot fail."""

    result: str | None = None


class ContractWallets:
    """Contract wallets of one chain. Safe to share between threads.

    Raises Unavailable `chain_unavailable` when the node does not answer in time, `wrong_chain` when it serves another.
    """

    def __init__(self, rpc_url: str, chain_id: int) -> None:
        self._rpc_url = rpc_url
        self._chain_id = chain_id
        self._node = urlsplit(rpc_url).hostname or "?"
        self._checked = False

    def signed(self, wallet: Address, digest: bytes, signature: WalletSignature) -> bool:
        """Whether the contract at `wallet` takes `signature` for `digest` at the head of the chain (EIP-1271)."""
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        with httpx.Client(verify=self._tls) as http:
            if not self._checked:
                self._check(http, deadline)
            data = "0x" + question(wallet, digest, signature).hex()
            answer = self._ask(http, deadline, "eth_call", [{"data": data, "gas": hex(CALL_GAS)}, "latest"])
        found = agrees(_bytes(answer))
        if found is None:
            raise Unavailable("chain_unavailable", f"{self._node} gave an answer that our question cannot have")
        return found

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()

    def _check(self, http: httpx.Client, deadline: float) -> None:
        answer = self._ask(http, deadline, "eth_chainId", [])
        if int.from_bytes(_bytes(answer), "big") != self._chain_id:
            raise Unavailable("wrong_chain", f"{self._node} serves another chain than {self._chain_id}")
        self._checked = True

    def _ask(self, http: httpx.Client, deadline: float, method: str, params: list[object]) -> str:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        left = max(0.01, deadline - time.monotonic())
        try:
            with http.stream(
                "POST", self._rpc_url, json=call, timeout=httpx.Timeout(left, connect=min(left, CONNECT_SECONDS_MAX))
            ) as response:
                body = self._read(response, deadline)
            result = msgspec.json.decode(body, type=_Answer).result
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError) as error:
            raise Unavailable("chain_unavailable", f"no answer from {self._node}: {type(error).__name__}") from error
        if result is None:
            raise Unavailable("chain_unavailable", f"{self._node} refused {method}")
        return result

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        body = b""
        for part in response.iter_bytes():
            body += part
            if len(body) > ANSWER_BYTES_MAX or time.monotonic() > deadline:
                raise Unavailable("chain_unavailable", f"the answer of {self._node} is too long or too slow")
        return body


def _bytes(text: str) -> bytes:
    """Bytes of 0x and hex digits; empty for anything else. An odd digit in front counts, as in 0x1."""
    digits = text.removeprefix("0x")
    try:
        return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
    except ValueError:
        return b""
