"""A contract of an advertiser, in eleven instructions: logs the first word of a call's data as topic, the rest as data.

36 6000 6000 37   copy the call's data to memory
6000 35           the first word
6020 36 03 6020   the size of the rest, and where it begins
a1 00             LOG1, STOP
"""

import time
from typing import Any

from eth_account import Account

from backend.core.keccak import keccak256
from backend.local import fund, rpc

RUNTIME = bytes.fromhex("366000600037" "600035" "6020360360" "20" "a100")
# PUSH1 size, PUSH1 offset, PUSH1 0, CODECOPY, PUSH1 size, PUSH1 0, RETURN: deploys what follows it
CREATION = bytes.fromhex(f"60{len(RUNTIME):02x}600c60003960{len(RUNTIME):02x}6000f3") + RUNTIME
EVENT = "Bought(bytes32)"
TOPIC0 = "0x" + keccak256(EVENT.encode()).hex()
MINED_SECONDS_MAX = 60
SHOPKEEPER = Account.from_key(keccak256(b"shopkeeper"))


class ShopContract:
    """Deployed by the shopkeeper, who alone pays for its transactions; blocks are of now, or right after the last."""

    def __init__(self, rpc_url: str) -> None:
        self._rpc_url = rpc_url
        fund(rpc_url, SHOPKEEPER.address.lower(), 10**21)
        receipt = self._send({"data": "0x" + CREATION.hex()})
        self.address = str(receipt["contractAddress"]).lower()

    def log(self, *words: str, topic0: str = TOPIC0) -> dict[str, Any]:
        """Log an event whose data are these words (0x, 32 bytes each); gives the receipt."""
        data = topic0 + "".join(word.removeprefix("0x") for word in words)
        return self._send({"to": bytes.fromhex(self.address[2:]), "data": data})

    def _send(self, fields: dict[str, Any]) -> dict[str, Any]:
        nonce = int(rpc(self._rpc_url, "eth_getTransactionCount", SHOPKEEPER.address, "pending"), 16)
        signed = SHOPKEEPER.sign_transaction(
            {"nonce": nonce, "gas": 200_000, "gasPrice": 10**11, "value": 0, "chainId": 31_337} | fields
        )
        latest: Any = rpc(self._rpc_url, "eth_getBlockByNumber", "latest", False)
        rpc(self._rpc_url, "evm_setNextBlockTimestamp", max(int(latest["timestamp"], 16), int(time.time())) + 1)
        sent = rpc(self._rpc_url, "eth_sendRawTransaction", "0x" + signed.raw_transaction.hex().removeprefix("0x"))
        deadline = time.monotonic() + MINED_SECONDS_MAX
        receipt: Any = None
        while receipt is None:
            assert time.monotonic() < deadline, "not mined"
            receipt = rpc(self._rpc_url, "eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1"
        return dict(receipt)
