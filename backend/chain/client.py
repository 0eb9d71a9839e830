"""Typed calls to our contracts. Reads go to the head of the chain; writes sign, send and wait for the receipt."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eth_typing import BlockNumber
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import (
    BadFunctionCallOutput,
    BlockNotFound,
    ContractLogicError,
    TimeExhausted,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import BlockIdentifier, LogReceipt, TxParams, TxReceipt, Wei

from backend.chain.proposal import NO_PROPOSAL, Final, Proposal, Reservation, debit_limit, lane_of, pending_hash
from backend.chain.signer import LocalSigner, Signer
from backend.core.errors import Conflict, Unavailable
from backend.core.ids import Address, address

ABI_FOLDER = Path(__file__).resolve().parents[2] / "contracts" / "abi"
GAS_MAX = 2**24 - 1                  # EIP-7825: no transaction may ask for more
GAS_MARGIN_PERCENT = 20
FEE_BUMP_PERCENT = 25                # nodes want 10 % more before they replace a transaction
FEE_BUMPS_MAX = 6
LOG_BLOCKS = 5_000                   # widest range that public RPCs answer
BATCH_CALLS = 100
READ_SECONDS = 10
RECEIPT_SECONDS = 90
LOST_SECONDS = 3                     # how often to look whether a transaction can still be mined
POLL_SECONDS = 0.1


class Reverted(Conflict):
    """The contract refused; `reason` is its text, such as "window"."""

    def __init__(self, reason: str) -> None:
        super().__init__("reverted", f"the contract refused: {reason}")
        self.reason = reason


class WrongChain(Unavailable):
    """The RPC serves another chain, or there is no contract where the deployment says. A person has to change that."""


@dataclass(frozen=True, slots=True)
class BlockId:
    """A block of one version of the chain."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction."""

    transaction: str
    block: BlockId
    gas_used: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the settlement stands in one block: the last final epoch, the number of vetoes, the pending hash."""

    finalised: int
    attempt: int
    pending: bytes


class Chain:
    """A connection to one chain. Writes need a `signer` or a `key` in hex; one transaction is in flight at a time.

    All methods raise Unavailable `chain_unavailable` when the RPC does not answer, WrongChain when it is another chain.
    """

    def __init__(
        self, rpc_url: str, chain_id: int, *, key: str | None = None, signer: Signer | None = None
    ) -> None:
        self.chain_id = chain_id
        self._node = urlsplit(rpc_url).netloc.rpartition("@")[2]
        self.web3 = Web3(Web3.HTTPProvider(rpc_url, request_kwargs={"timeout": READ_SECONDS}))
        # Polygon's blocks carry validators in `extraData`; web3 calls that a fault unless told.
        self.web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        self.web3.middleware_onion.remove("validation")     # it asks for the chain's id before every call; we ask once
        self._signer: Signer | None = LocalSigner(key) if key else signer
        self._sending = threading.Lock()
        self._checked = False
        self._contracts: dict[tuple[str, str], Contract] = {}

    @property
    def sender(self) -> Address:
        """Address of the key that signs transactions. Raises ValueError when there is none."""
        return self._key.address

    def now(self) -> int:
        """Unix seconds of the head."""
        with self.reading():
            return int(self.web3.eth.get_block("latest")["timestamp"])

    def head(self) -> BlockId:
        """The newest block."""
        with self.reading():
            block = self.web3.eth.get_block("latest")
            return BlockId(int(block["number"]), block["hash"].to_0x_hex())

    def has(self, block: BlockId) -> bool:
        """Whether a block that we saw is still part of the chain, and so all that we read of it true."""
        with self.reading():
            try:
                return bool(self.web3.eth.get_block(block.number)["hash"].to_0x_hex() == block.hash)
            except BlockNotFound:
                return False

    def genesis(self) -> str:
        """Hash of block 0: tells two local chains with the same id apart."""
        with self.reading():
            return str(self.web3.eth.get_block(0)["hash"].to_0x_hex())

    def logs(self, contract: str, topics: Sequence[str], since: int) -> Iterator[LogReceipt]:
        """Logs of a contract, newest first, back to block `since`."""
        with self.reading():
            high = int(self.web3.eth.block_number)
            while high >= since:
                low = max(since, high - LOG_BLOCKS + 1)
                found = self.web3.eth.get_logs({
                    "address": Web3.to_checksum_address(contract), "topics": list(topics), "fromBlock": low,
                    "toBlock": high,
                })
                yield from reversed(found)
                high = low - 1

    def contract(self, name: str, at: str) -> Contract:
        """The contract `name` (its ABI is contracts/abi/<name>.json) at an address."""
        if (name, at) not in self._contracts:
            abi = json.loads((ABI_FOLDER / f"{name}.json").read_text())
            made = self._contracts[name, at] = self.web3.eth.contract(address=Web3.to_checksum_address(at), abi=abi)
            for one in (entry["name"] for entry in abi if entry["type"] == "function"):     # web3 looks there each time
                made.functions[one].contract_abi = [entry for entry in abi if entry.get("name") == one]
        return self._contracts[name, at]

    def read(self, function: ContractFunction) -> Any:
        """The result of a view at the head."""
        with self.reading():
            return function.call()

    def read_many(self, functions: Sequence[ContractFunction], at: BlockId | None = None) -> list[Any]:
        """The results of views, in few requests (JSON-RPC batches); `at` one block, so that they fit together."""
        results: list[Any] = []
        block: BlockIdentifier = "latest" if at is None else BlockNumber(at.number)
        with self.reading():
            for start in range(0, len(functions), BATCH_CALLS):
                with self.web3.batch_requests() as batch:
                    for function in functions[start : start + BATCH_CALLS]:
                        batch.add(function.call(block_identifier=block))
                    results += batch.execute()
        if at is not None and not self.has(at):
            raise Unavailable("chain_unavailable", f"block {at.number} was replaced while it was read")
        return results

    def send(self, function: ContractFunction) -> Receipt:
        """Sign and send a call, and wait until it is mined. Raises Reverted with the reason.

        Unavailable may also mean that the transaction was sent and is not mined yet, or that a reorganisation lost it:
        read the state before repeating. A reorganisation may undo what was mined as well.
        """
        with self._sending, self.reading():
            transaction = self._priced(function)
            receipt = self._mined(transaction)
        if receipt["status"] != 1:
            raise Reverted("mined, but it reverted")
        block = BlockId(int(receipt["blockNumber"]), receipt["blockHash"].to_0x_hex())
        return Receipt(receipt["transactionHash"].to_0x_hex(), block, int(receipt["gasUsed"]))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turns what RPCs answer into our errors."""
        try:
            if not self._checked:
                self._check()
            yield
        except ContractLogicError as error:
            raise Reverted(_reason(error)) from error
        except BadFunctionCallOutput as error:
            raise WrongChain("wrong_chain", "there is no such contract on this chain") from error
        except OSError as error:
            raise Unavailable("chain_unavailable", f"no answer from {self._node}: {_kind(error)}") from error
        except Web3Exception as error:
            raise Unavailable("chain_unavailable", f"{type(error).__name__}: {str(error)[:300]}") from error

    def _check(self) -> None:
        found = self.web3.eth.chain_id
        if found != self.chain_id:
            raise WrongChain("wrong_chain", f"the RPC serves chain {found}, not {self.chain_id}")
        self._checked = True

    @property
    def _key(self) -> Signer:
        if self._signer is None:
            raise ValueError("this connection has no key to sign with")
        return self._signer

    def _priced(self, function: ContractFunction) -> TxParams:
        """The transaction with gas and EIP-1559 fees. The first free nonce replaces whatever of ours got stuck."""
        sender = Web3.to_checksum_address(self._key.address)
        eth = self.web3.eth
        needed = function.estimate_gas({"from": sender})
        if needed > GAS_MAX:
            raise Reverted(f"it would need {needed} gas, more than {GAS_MAX}")
        gas = min(GAS_MAX, needed * (100 + GAS_MARGIN_PERCENT) // 100)
        tip = eth.max_priority_fee
        base = eth.get_block("latest").get("baseFeePerGas", 0)
        return function.build_transaction({
            "from": sender, "nonce": eth.get_transaction_count(sender, "latest"), "gas": gas, "chainId": self.chain_id,
            "maxPriorityFeePerGas": tip, "maxFeePerGas": Web3.to_wei(2 * base + tip, "wei"),
        })

    def _mined(self, transaction: TxParams) -> TxReceipt:
        for _ in range(FEE_BUMPS_MAX):
            signed = self._key.sign_transaction(transaction)
            try:
                self.web3.eth.send_raw_transaction(signed.raw)
            except Web3RPCError as error:
                if "underpriced" in str(error):
                    transaction = _bumped(transaction)
                    continue
                if "already known" not in str(error) and "already imported" not in str(error):
                    raise
            return self._receipt(HexBytes(signed.hash), transaction)
        raise Unavailable("chain_unavailable", "an older transaction blocks ours")

    def _receipt(self, sent: HexBytes, transaction: TxParams) -> TxReceipt:
        """Wait for the block of what was sent, but not for one that cannot come."""
        for _ in range(RECEIPT_SECONDS // LOST_SECONDS):
            try:
                return self.web3.eth.wait_for_transaction_receipt(sent, LOST_SECONDS, POLL_SECONDS)
            except TimeExhausted:
                if self._is_lost(sent, transaction):
                    raise Unavailable("chain_unavailable", f"the node has lost {sent.to_0x_hex()}") from None
        raise Unavailable("chain_unavailable", f"{sent.to_0x_hex()} is not mined yet")

    def _is_lost(self, sent: HexBytes, transaction: TxParams) -> bool:
        """After a reorganisation: forgotten, or an older transaction that ours must follow has vanished."""
        try:
            self.web3.eth.get_transaction(sent)
        except TransactionNotFound:
            return True
        sender = Web3.to_checksum_address(self._key.address)
        return self.web3.eth.get_transaction_count(sender, "latest") < int(transaction["nonce"])


def _kind(error: OSError) -> str:
    """What happened, without the URL that is in the message: its path is often a key."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return type(error).__name__ if status is None else f"HTTP {status}"


def _bumped(transaction: TxParams) -> TxParams:
    bumped = transaction.copy()
    bumped["maxFeePerGas"] = _more(int(transaction["maxFeePerGas"]))
    bumped["maxPriorityFeePerGas"] = _more(int(transaction["maxPriorityFeePerGas"]))
    return bumped


def _more(wei: int) -> Wei:
    return Wei(wei * (100 + FEE_BUMP_PERCENT) // 100 + 1)


def _reason(error: ContractLogicError) -> str:
    """The text of `Error(string)` in a revert."""
    text = str(error.message or error)
    return text.removeprefix("execution reverted").removeprefix(":").strip() or "without a reason"


class EscrowClient:
    """CampaignEscrow. Amounts are micro-USDC, hashes and roots 32 bytes. Errors as in `Chain`."""

    def __init__(self, chain: Chain, contract: str, *, since: int = 0) -> None:
        self.chain = chain
        self.address = address(contract)
        self._since = since
        self._contract = chain.contract("CampaignEscrow", contract)
        self._found: Proposal | None = None

    @cached_property
    def payout(self) -> Address:
        """The contract that pays publishers."""
        return address(self._read("payout"))

    def epoch(self) -> int:
        """The last final epoch; 0 before the first."""
        return int(self._read("epoch"))

    def standing(self) -> Standing:
        """Epoch, attempt and pending proposal of one and the same block."""
        views = self._contract.functions
        found = self.chain.read_many([views.epoch(), views.attempt(), views.pending()], self.chain.head())
        return Standing(int(found[0]), int(found[1]), bytes(found[2]))

    def attempt(self) -> int:
        """How many proposals were vetoed so far."""
        return int(self._read("attempt"))

    def last_root(self) -> bytes:
        """Root of the last final epoch; zero before the first."""
        return bytes(self._read("last_root"))

    def threshold(self) -> int:
        return int(self._read("threshold"))

    def window_seconds(self) -> int:
        return int(self._read("window"))

    def fee_bps_at(self, epoch: int) -> int:
        """The fee of an epoch that is not final yet, in basis points."""
        return int(self._read("fee_bps_at", epoch))

    def is_attestor(self, account: str) -> bool:
        return bool(self._read("is_attestor", Web3.to_checksum_address(account)))

    def treasury(self) -> Address:
        return address(self._read("treasury"))

    def operator(self) -> Address:
        return address(self._read("operator"))

    def remaining(self, campaign: int) -> int:
        return int(self._read("remaining", campaign))

    def fees(self) -> int:
        return int(self._read("fees"))

    def pending(self) -> bytes:
        """Hash of the pending proposal; 32 zero bytes when there is none."""
        return bytes(self._read("pending"))

    def pending_proposal(self, standing: Standing | None = None) -> Proposal | None:
        """The pending proposal, of now or of a `standing`, found in the logs by its hash. None: nothing is pending."""
        now = standing or self.standing()
        if now.pending == NO_PROPOSAL:
            return None
        if self._found is None or (self._found.attempt, _hash_of(self._found)) != (now.attempt, now.pending):
            proposals = (one for one in self.proposals(now.finalised + 1) if one.attempt == now.attempt)
            self._found = next((proposal for proposal in proposals if _hash_of(proposal) == now.pending), None)
        if self._found is None:
            raise Unavailable("chain_unavailable", "the RPC does not know the log of the pending proposal yet")
        return self._found

    def proposals(self, epoch: int) -> Iterator[Proposal]:
        """All proposals of an epoch, the newest first."""
        event = self._contract.events.Proposed()
        for log in self._logs(_PROPOSED, epoch):
            yield _proposal(event.process_log(log)["args"])

    def vetoed_in(self, epoch: int) -> int | None:
        """Number of the block with the newest veto against an epoch; None when there was none."""
        newest = next(self._logs(_VETOED, epoch), None)
        return None if newest is None else int(newest["blockNumber"])

    def finalised(self, epoch: int) -> Final | None:
        """How an epoch became final; None when it is not."""
        event = self._contract.events.Finalized()
        for log in self._logs(_FINALIZED, epoch):
            found = event.process_log(log)["args"]
            return Final(epoch, bytes(found["publishers_root"]), int(found["total"]), int(found["fee"]))
        return None

    def debit_limits(
        self, epoch: int, wanted: Mapping[int, int], pending_debits: Mapping[int, int], needed_seconds: int
    ) -> dict[int, int]:
        """The most that `epoch`, final within `needed_seconds`, may debit from each campaign of `wanted`.

        See `proposal.debit_limit`.
        """
        groups = sorted({campaign >> 2 for campaign in wanted})
        functions = self._contract.functions
        words = dict(zip(groups, self.chain.read_many([functions.lanes(group) for group in groups]), strict=True))
        needed_until = self.chain.now() + needed_seconds
        limits = {}
        for campaign, amount in wanted.items():
            lane = lane_of(int(words[campaign >> 2]), campaign)
            reservation, cap = Reservation(0, 0, 0), 0
            if amount + pending_debits.get(campaign, 0) > lane.remaining:
                reserved, _, after_epoch = self._read("reservation", campaign)
                escapes_at = self._read("escapes_at", campaign)
                reservation = Reservation(int(reserved), int(after_epoch), int(escapes_at))
            if lane.capped:
                cap = int(self._read("epoch_cap_at", campaign, epoch))
            limits[campaign] = debit_limit(
                epoch, lane.remaining, reservation, cap, pending_debits.get(campaign, 0), needed_until
            )
        return limits

    def propose(self, proposal: Proposal, signatures: Sequence[bytes]) -> Receipt:
        """Propose the next epoch with the words r, vs, … of a quorum. `active_at` of `proposal` is not sent."""
        return self._send("propose", *_proposed(proposal), list(signatures))

    def finalize(self, final: Proposal, debits: Sequence[int]) -> Receipt:
        return self._send("finalize", *_final(final, debits))

    def roll(
        self, final: Proposal, debits: Sequence[int], proposal: Proposal, signatures: Sequence[bytes]
    ) -> Receipt:
        """Finalise the pending epoch and propose the next in one transaction."""
        return self._send("roll", *_final(final, debits), *_proposed(proposal), list(signatures))

    def veto(self, epoch: int) -> Receipt:
        """Kill the pending proposal; the guardian's key is needed."""
        return self._send("veto", epoch)

    def _logs(self, event: str, epoch: int) -> Iterator[LogReceipt]:
        topics = [Web3.to_hex(Web3.keccak(text=event)), Web3.to_hex(epoch.to_bytes(32, "big"))]
        return self.chain.logs(self.address, topics, self._since)

    def _read(self, name: str, *arguments: object) -> Any:
        return self.chain.read(self._contract.functions[name](*arguments))

    def _send(self, name: str, *arguments: object) -> Receipt:
        return self.chain.send(self._contract.functions[name](*arguments))


class PayoutClient:
    """PublisherPayout. Amounts are micro-USDC. Errors as in `Chain`."""

    def __init__(self, chain: Chain, contract: str) -> None:
        self.chain = chain
        self.address = address(contract)
        self._contract = chain.contract("PublisherPayout", contract)

    def active_root(self) -> bytes:
        """The root that claims are checked against now; zero before the first epoch and during a pause."""
        return bytes(self.chain.read(self._contract.functions.active_root()))

    def paid(self, index: int) -> int:
        """Paid so far to a publisher."""
        return int(self.chain.read(self._contract.functions.paid(index)))

    def paid_by_group(self, groups: Sequence[int], at: BlockId | None = None) -> dict[int, tuple[int, ...]]:
        """Paid so far to the four publishers of each group, up to the newest block or `at` one."""
        words = self.chain.read_many([self._contract.functions.lanes(group) for group in groups], at)
        return {
            group: tuple(int(word) >> (64 * lane) & (2**64 - 1) for lane in range(4))
            for group, word in zip(groups, words, strict=True)
        }

    def claimable(self, index: int, entries: Sequence[int], proof: Sequence[bytes]) -> int:
        return int(self.chain.read(self._contract.functions.claimable(index, list(entries), list(proof))))

    def claim(self, index: int, entries: Sequence[int], proof: Sequence[bytes]) -> Receipt:
        """Pay a publisher; anyone may call."""
        return self.chain.send(self._contract.functions.claim(index, list(entries), list(proof)))

    def pay_range(self, start_group: int, depth: int, entries: Sequence[int], proof: Sequence[bytes]) -> Receipt:
        """Pay up to 100 neighbouring groups; what fails is skipped."""
        return self.chain.send(self._contract.functions.pay_range(start_group, depth, list(entries), list(proof)))


_PROPOSED = "Proposed(uint64,bytes32,bytes32,uint256,uint32,bytes32,bytes32,uint64,uint32)"
_VETOED = "Vetoed(uint64,address,uint32)"
_FINALIZED = "Finalized(uint64,bytes32,uint256,uint256)"


def _proposal(found: Mapping[str, Any]) -> Proposal:
    return Proposal(
        int(found["epoch"]), int(found["attempt"]), bytes(found["publishers_root"]), bytes(found["debits_hash"]),
        int(found["total"]), int(found["publishers"]), bytes(found["ruleset"]), bytes(found["data_hash"]),
        int(found["active_at"]),
    )


def _hash_of(proposal: Proposal) -> bytes:
    return pending_hash(
        proposal.epoch, proposal.publishers_root, proposal.debits_hash, proposal.total, proposal.active_at
    )


def _proposed(proposal: Proposal) -> tuple[object, ...]:
    return (
        proposal.publishers_root, proposal.debits_hash, proposal.total, proposal.publishers, proposal.ruleset,
        proposal.data_hash,
    )


def _final(final: Proposal, debits: Sequence[int]) -> tuple[object, ...]:
    return final.publishers_root, final.total, final.active_at, list(debits)
