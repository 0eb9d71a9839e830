"""Reads logs of advertisers' contracts over JSON-RPC, only of blocks that are deep enough to stay."""

from typing import Any

import httpx

from backend.conversions.logs import ConversionLog
from backend.core.errors import Unavailable

READ_SECONDS = 10.0
LOGS_MAX = 20_000


class LogReader:
    """The chain's node, asked for blocks and logs. All methods raise Unavailable `chain_unavailable`."""

    def __init__(self, rpc_url: str) -> None:
        self._http = httpx.Client(base_url=rpc_url, timeout=READ_SECONDS)

    def close(self) -> None:
        self._http.close()

    def confirmed(self, confirmations: int) -> int:
        """The newest block under `confirmations` others; below 0 while the chain is shorter."""
        return int(self._result("eth_blockNumber"), 16) - confirmations

    def block_ms(self, number: int) -> int:
        """The block's time in Unix milliseconds."""
        return 1_000 * int(self._block(number)["timestamp"], 16)

    def logs(self, contract: str, topic0: str, first: int, last: int) -> list[ConversionLog]:
        """Logs of a contract with a first topic, from block `first` to `last`, in their order.

        What a node finds too much is asked for in halves. A node that is behind answers with nothing instead of an
        error, so it must know the last block first.
        """
        self._block(last)
        found = self._ask("eth_getLogs", {
            "address": contract, "topics": [topic0], "fromBlock": hex(first), "toBlock": hex(last),
        })
        if "result" in found and len(found["result"]) <= LOGS_MAX:
            return [_log(one) for one in found["result"]]
        if first == last:
            raise _unavailable(found.get("error", "too many logs in one block"))
        middle = (first + last) // 2
        return self.logs(contract, topic0, first, middle) + self.logs(contract, topic0, middle + 1, last)

    def _block(self, number: int) -> dict[str, str]:
        block = self._result("eth_getBlockByNumber", hex(number), False)
        if not isinstance(block, dict):
            raise _unavailable(f"no block {number}")
        return block

    def _result(self, method: str, *params: object) -> Any:
        answer = self._ask(method, *params)
        if "result" not in answer:
            raise _unavailable(answer.get("error", answer))
        return answer["result"]

    def _ask(self, method: str, *params: object) -> dict[str, Any]:
        try:
            answer = self._http.post("", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).json()
        except (httpx.HTTPError, ValueError) as error:
            raise _unavailable(type(error).__name__) from error
        if not isinstance(answer, dict):
            raise _unavailable("not an answer")
        return answer


def _log(content: dict[str, Any]) -> ConversionLog:
    try:
        return ConversionLog(
            content["transactionHash"], int(content["logIndex"], 16), int(content["blockNumber"], 16),
            tuple(content["topics"]), content["data"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unavailable("not a log") from error


def _unavailable(why: object) -> Unavailable:
    return Unavailable("chain_unavailable", f"logs cannot be read: {str(why)[:200]}")
