"""Sends a list of steps from one account, each at most once, and waits until the chain will not take them back."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eth_typing import ChecksumAddress
from eth_utils.exceptions import ValidationError
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3Exception, Web3RPCError
from web3.types import TxReceipt

from scripts.deploying.deployment import DeploymentRefused
from scripts.deploying.journal import Journal, Sent
from scripts.deploying.networks import Network
from scripts.deploying.signer import Signer

# EIP-7825: no transaction may have more.
TRANSACTION_GAS_MAX = 2**24
GAS_RESERVE_PERCENT = 20
POLL_SECONDS_MAX = 2.0
RESEND_SECONDS = 30.0
WAIT_SECONDS_MAX = 1_800.0


@dataclass(frozen=True, slots=True)
class Step:
    """A transaction of the plan. `to` is None for a creation, whose contract gets `creates` as its address."""

    name: str
    nonce: int
    to: str | None
    data: bytes
    creates: str | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What a unit of gas costs in wei: now, and at most before a transaction waits for cheaper blocks."""

    now: int
    most: int
    tip: int


class Sender:
    """Signs and sends the steps of one plan. `say` gets one line for each thing that happened."""

    def __init__(
        self,
        web3: Web3,
        signer: Signer,
        network: Network,
        journal: Journal,
        say: Callable[[str], None],
        patience_seconds: float = RESEND_SECONDS,
    ) -> None:
        self._web3 = web3
        self._patience_seconds = patience_seconds
        self._signer = signer
        self._network = network
        self._journal = journal
        self._say = say

    def send(self, step: Step) -> TxReceipt:
        """The receipt of a step, which is signed now unless an earlier run did.

        Raises DeploymentRefused when it reverts, when its nonce was used for something else, or after half an hour.
        """
        sent = self._journal.entry(step.name)
        if sent is None:
            sent = self._signed(step)
            self._journal.record(sent)
            self._say(f"{step.name}: sending {sent.hash}")
        else:
            self._say(f"{step.name}: continuing with {sent.hash}")
        return self._mined(sent)

    def confirm(self) -> dict[str, TxReceipt]:
        """Receipts by step, once all are as deep as the network's confirmations; again after a reorganisation."""
        wanted = self._network.confirmations
        if wanted:
            self._say(f"waiting for {wanted} confirmations (about {wanted * self._network.block_seconds} s)")
        deadline = time.monotonic() + WAIT_SECONDS_MAX + 2 * wanted * self._network.block_seconds
        while True:
            receipts = {sent.step: self._mined(sent) for sent in self._journal.sent}
            deepest = max(receipt["blockNumber"] for receipt in receipts.values())
            if self._web3.eth.block_number - deepest >= wanted:
                return receipts
            self._pause(deadline, f"{wanted} confirmations")

    def _signed(self, step: Step) -> Sent:
        price = price_now(self._web3)
        fields: dict[str, object] = {
            "type": 2,
            "chainId": self._network.chain_id,
            "nonce": step.nonce,
            "gas": gas_limit(estimate(self._web3, self._signer.address, step)),
            "maxFeePerGas": price.most,
            "maxPriorityFeePerGas": price.tip,
            "value": 0,
            "data": "0x" + step.data.hex(),
        }
        if step.to is not None:
            fields["to"] = step.to
        raw = self._signer.sign(fields)
        return Sent(step.name, step.nonce, Web3.keccak(raw).to_0x_hex(), "0x" + raw.hex())

    def _mined(self, sent: Sent) -> TxReceipt:
        begun = time.monotonic()
        resend_at = begun
        while True:
            receipt = receipt_of(self._web3, sent.hash)
            if receipt is not None:
                if receipt["status"] != 1:
                    raise DeploymentRefused(f"{sent.step}: {sent.hash} was mined and reverted; {self._give_up()}")
                return receipt
            if time.monotonic() >= resend_at:
                self._broadcast(sent, is_patient=time.monotonic() < begun + self._patience_seconds)
                resend_at = time.monotonic() + min(RESEND_SECONDS, self._patience_seconds)
            self._pause(begun + WAIT_SECONDS_MAX, f"{sent.step}: {sent.hash}")

    def _broadcast(self, sent: Sent, is_patient: bool) -> None:
        """Hands the signed bytes to the node. A node that knows them already refuses them, which is no failure."""
        if self._web3.eth.get_transaction_count(self._address) > sent.nonce:
            # Behind one URL may be nodes of which one has not seen the block yet, so one answer is no proof.
            if not is_patient and not is_known(self._web3, sent.hash):
                raise DeploymentRefused(
                    f"{sent.step}: nonce {sent.nonce} of {self._address} was used by another transaction than "
                    f"{sent.hash}; {self._give_up()}"
                )
            return
        try:
            self._web3.eth.send_raw_transaction(bytes.fromhex(sent.raw[2:]))
        except Web3RPCError as error:
            if not is_known(self._web3, sent.hash):
                raise DeploymentRefused(f"{sent.step}: the node does not take {sent.hash}: {error}") from error

    @property
    def _address(self) -> ChecksumAddress:
        return Web3.to_checksum_address(self._signer.address)

    def _give_up(self) -> str:
        return f"move {self._journal.path} away to begin another deployment"

    def _pause(self, deadline: float, what: str) -> None:
        if time.monotonic() > deadline:
            raise DeploymentRefused(f"gave up waiting for {what}; run the same command again to go on waiting")
        time.sleep(min(POLL_SECONDS_MAX, self._network.block_seconds / 4))


def price_now(web3: Web3) -> Price:
    """Fees per gas in wei (EIP-1559), with room for the base fee to double."""
    base = int(web3.eth.get_block("latest").get("baseFeePerGas", 0))
    tip = int(web3.eth.max_priority_fee)
    return Price(now=base + tip, most=2 * base + tip, tip=tip)


def estimate(web3: Web3, sender: str, step: Step, overrides: Mapping[str, object] | None = None) -> int:
    """Gas that a step would use now. Raises DeploymentRefused when it would revert or exceed EIP-7825's bound."""
    transaction: dict[str, object] = {"from": sender, "data": "0x" + step.data.hex()}
    if step.to is not None:
        transaction["to"] = step.to
    try:
        gas = int(web3.eth.estimate_gas(transaction, "latest", overrides))  # type: ignore[arg-type]
    except (Web3Exception, ValueError, ValidationError) as error:
        raise DeploymentRefused(f"{step.name}: the chain says that it would fail: {error}") from error
    if gas > TRANSACTION_GAS_MAX:
        raise DeploymentRefused(f"{step.name}: {gas} gas is more than a transaction may have ({TRANSACTION_GAS_MAX})")
    return gas


def gas_limit(gas: int) -> int:
    """What to give a transaction that was estimated at `gas`."""
    return min(gas + gas * GAS_RESERVE_PERCENT // 100, TRANSACTION_GAS_MAX)


def receipt_of(web3: Web3, transaction_hash: str) -> TxReceipt | None:
    """The receipt of a transaction that is in a block."""
    try:
        return web3.eth.get_transaction_receipt(transaction_hash)  # type: ignore[arg-type]
    except TransactionNotFound:
        return None


def is_known(web3: Web3, transaction_hash: str) -> bool:
    """Whether the node has a transaction, in a block or waiting."""
    try:
        web3.eth.get_transaction(transaction_hash)  # type: ignore[arg-type]
    except TransactionNotFound:
        return False
    return True
