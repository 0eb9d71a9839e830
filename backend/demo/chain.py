"""The contracts over RPC, for whoever holds a key: transactions, permits, logs, and commands to a local node."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import BlockIdentifier, TxReceipt

from backend.demo.waiting import DemoError, wait_for
from backend.local.programs import PROJECT_ROOT

ABI_FOLDER = PROJECT_ROOT / "contracts" / "abi"
RPC_SECONDS_MAX = 20.0
RECEIPT_SECONDS_MAX = 90.0
PERMIT_SECONDS = 3_600
PERMIT_FIELDS = {
    "owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256",
}
TIP_WEI = 10**9
GAS_MARGIN_PERCENT = 130


class RevertedInBlock(DemoError):
    """A transaction that would have worked when it was sent came too late."""


REFUSED = (ContractLogicError, Web3RPCError, RevertedInBlock)
"""What a call raises that the contract refuses now, whether or not a block was lost on it."""


class Chain:
    """The contracts, called and sent to by whoever holds a key. Amounts are micro-USDC.

    `confirmations`: how many blocks must follow until a transaction counts as done.
    """

    def __init__(self, rpc_url: str, addresses: Mapping[str, str], abi_folder: Path, confirmations: int) -> None:
        self._confirmations = confirmations
        self._web3 = Web3(HTTPProvider(rpc_url, request_kwargs={"timeout": RPC_SECONDS_MAX}))
        self._web3.middleware_onion.remove("validation")        # it asks for the chain's id before every call
        self.chain_id = self._web3.eth.chain_id

        def contract(name: str) -> Contract:
            abi = json.loads((abi_folder / f"{name}.json").read_text())
            return self._web3.eth.contract(Web3.to_checksum_address(addresses[name]), abi=abi)

        self.escrow = contract("CampaignEscrow")
        self.payout = contract("PublisherPayout")
        self.token = contract("MockUSDC")

    @classmethod
    def of_deployment(cls, rpc_url: str, deployment: Path, confirmations: int = 0) -> "Chain":
        """The contracts that a file `deployments/<chain id>.json` names."""
        contracts = json.loads(deployment.read_text())["contracts"]
        addresses = {name: str(contract["address"]) for name, contract in contracts.items()}
        return cls(rpc_url, addresses, ABI_FOLDER, confirmations)

    @property
    def head(self) -> int:
        return self._web3.eth.block_number

    @property
    def time(self) -> int:
        """Unix seconds of the newest block."""
        return int(self._web3.eth.get_block("latest")["timestamp"])

    def submit(self, account: LocalAccount, call: ContractFunction, *, after: BlockIdentifier = "pending") -> bytes:
        """Sign and send; the hash. Raises what the node says when the call would revert.

        It follows the account's transactions that are `pending`, or takes the place of those not in the latest block.
        """
        gas = call.estimate_gas({"from": account.address}) * GAS_MARGIN_PERCENT // 100
        base_fee = self._web3.eth.get_block("latest")["baseFeePerGas"]
        transaction = call.build_transaction({
            "from": account.address, "chainId": self.chain_id, "gas": gas, "value": self._web3.to_wei(0, "wei"),
            "nonce": self._web3.eth.get_transaction_count(account.address, after),
            "maxFeePerGas": self._web3.to_wei(2 * base_fee + TIP_WEI, "wei"),
            "maxPriorityFeePerGas": self._web3.to_wei(TIP_WEI, "wei"),
        })
        signed = account.sign_transaction(dict(transaction))  # type: ignore[arg-type]  # their two types of the same
        return bytes(self._web3.eth.send_raw_transaction(signed.raw_transaction))

    def receipt(self, transaction: bytes) -> TxReceipt | None:
        """None while the transaction is in no block."""
        try:
            return self._web3.eth.get_transaction_receipt(Web3.to_hex(transaction))
        except TransactionNotFound:
            return None

    def send(self, account: LocalAccount, call: ContractFunction) -> TxReceipt:
        """Submit and wait until enough blocks follow; what a reorganisation loses is sent again.

        Raises one of REFUSED when the contract does not take it.
        """
        transaction = self.submit(account, call)

        def buried() -> TxReceipt | None:
            nonlocal transaction
            receipt = self.receipt(transaction)
            if receipt is None:
                if not self._is_known(transaction):
                    transaction = self.submit(account, call, after="latest")
                return None
            return receipt if self.head - receipt["blockNumber"] >= self._confirmations else None

        receipt = wait_for(f"the block of {call.fn_name}", buried, seconds_max=RECEIPT_SECONDS_MAX)
        if receipt["status"] != 1:
            raise RevertedInBlock(f"{call.fn_name} reverted in block {receipt['blockNumber']}")
        return receipt

    def _is_known(self, transaction: bytes) -> bool:
        try:
            self._web3.eth.get_transaction(Web3.to_hex(transaction))
        except TransactionNotFound:
            return False
        return True

    def permit(self, account: LocalAccount, amount: int) -> tuple[int, int, bytes, bytes]:
        """(deadline, v, r, s) of an EIP-2612 permit that lets the escrow take `amount` once."""
        deadline = self.time + PERMIT_SECONDS
        domain = {
            "name": self.token.functions.name().call(), "version": self.token.functions.version().call(),
            "chainId": self.chain_id, "verifyingContract": self.token.address,
        }
        types = {"Permit": [{"name": name, "type": kind} for name, kind in PERMIT_FIELDS.items()]}
        message = {
            "owner": account.address, "spender": self.escrow.address, "value": amount,
            "nonce": self.token.functions.nonces(account.address).call(), "deadline": deadline,
        }
        signed = account.sign_typed_data(domain, types, message)
        return deadline, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")

    def logs(self, contract: Contract, event: str, up_to: int | None = None) -> list[Mapping[str, Any]]:
        """Arguments of every such event so far, in order of the chain."""
        found = contract.events[event]().get_logs(from_block=0, to_block="latest" if up_to is None else up_to)
        return [log["args"] for log in found]

    def steer(self, method: str, *params: object) -> object:
        """A command to a local node, such as `evm_mine`. Raises DemoError when it refuses."""
        answer: Mapping[str, Any] = self._web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        if "error" in answer:
            raise DemoError(f"{method} was refused by the node: {answer['error']}")
        return answer.get("result")
