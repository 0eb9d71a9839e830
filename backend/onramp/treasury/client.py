"""The treasury's account on chain: signs deposits, sends what is signed, reads what became of it."""

from typing import Any

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.contract.contract import ContractFunction
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.logs import DISCARD
from web3.types import Nonce

from backend.chain.client import GAS_MARGIN_PERCENT, GAS_MAX, Chain
from backend.chain.signer import Signer
from backend.core.ids import Address
from backend.onramp.treasury.sending import Fees, Mined, Transaction

UNLIMITED = 2**256 - 1
# What nodes say of a transaction that they have, or that came too late: what became of it is read from the chain.
_KNOWN = ("already known", "already imported", "nonce too low", "underpriced")


class TreasuryClient:
    """`chain` signs with the treasury's `signer`, which nobody else may use. Errors as in `Chain`."""

    def __init__(self, chain: Chain, signer: Signer, escrow: str, token: str, confirmations: int) -> None:
        self.chain = chain
        self._signer = signer
        self._confirmations = confirmations
        self._escrow = chain.contract("CampaignEscrow", escrow)
        self._token = chain.contract("MockUSDC", token)
        self._token_checked = False

    @property
    def address(self) -> Address:
        return self._signer.address

    @property
    def _account(self) -> ChecksumAddress:
        return Web3.to_checksum_address(self._signer.address)

    def next_nonce(self) -> int:
        """The first nonce that is in no block."""
        with self.chain.reading():
            return int(self.chain.web3.eth.get_transaction_count(self._account, "latest"))

    def final_nonce(self) -> int:
        """How many transactions of the account are in blocks that no reorganisation we reckon with takes away."""
        with self.chain.reading():
            eth = self.chain.web3.eth
            return int(eth.get_transaction_count(self._account, self._final_block()))

    def allow_escrow(self, amount_micro_usdc: int) -> None:
        """Let the escrow take what the treasury deposits: once, without a limit. Doing it twice does no harm."""
        owner, spender = self._account, self._escrow.address
        if int(self.chain.read(self._token.functions.allowance(owner, spender))) < amount_micro_usdc:
            self.chain.send(self._token.functions.approve(spender, UNLIMITED))

    def sign_open(self, meta: str, amount_micro_usdc: int, nonce: int) -> Transaction:
        """A signed `open_campaign` for the treasury itself. Raises Reverted when it would fail now."""
        function = self._escrow.functions.open_campaign(self._account, amount_micro_usdc, HexBytes(meta))
        return self._signed(function, nonce)

    def sign_deposit(self, campaign: int, amount_micro_usdc: int, nonce: int) -> Transaction:
        """A signed `deposit` into an escrow account. Raises Reverted when it would fail now."""
        return self._signed(self._escrow.functions.deposit(campaign, amount_micro_usdc), nonce)

    def bump(self, transaction: Transaction) -> Transaction:
        """The same transaction, same nonce, with a fee for which nodes replace it."""
        fees = transaction.fees.bumped().at_least(self._fees())
        with self.chain.reading():
            known = _decoded(transaction.raw)
        return self._sign({**known, "maxFeePerGas": fees.max_fee_wei, "maxPriorityFeePerGas": fees.tip_wei}, fees)

    def broadcast(self, transaction: Transaction) -> None:
        """Send a signed transaction, as often as one likes."""
        with self.chain.reading():
            try:
                self.chain.web3.eth.send_raw_transaction(HexBytes(transaction.raw))
            except Web3RPCError as error:
                if not any(known in str(error).lower() for known in _KNOWN):
                    raise

    def mined(self, transaction: Transaction) -> Mined | None:
        """Where a transaction is in the chain; None while it is in no block."""
        with self.chain.reading():
            try:
                receipt = self.chain.web3.eth.get_transaction_receipt(HexBytes(transaction.tx_hash))
            except TransactionNotFound:
                return None
            number = int(receipt["blockNumber"])
            events = self._escrow.events
            logs = [*events.CampaignOpened().process_receipt(receipt, DISCARD),
                    *events.Deposited().process_receipt(receipt, DISCARD)]
            campaign = int(logs[0]["args"]["campaign"]) if logs else None
            return Mined(transaction.tx_hash, number, number <= self._final_block(), receipt["status"] == 1, campaign)

    def _final_block(self) -> int:
        return max(0, int(self.chain.web3.eth.block_number) - self._confirmations)

    def _fees(self) -> Fees:
        with self.chain.reading():
            eth = self.chain.web3.eth
            tip = int(eth.max_priority_fee)
            base = int(eth.get_block("latest").get("baseFeePerGas", 0))
        return Fees(2 * base + tip, tip)

    def _signed(self, function: ContractFunction, nonce: int) -> Transaction:
        fees = self._fees()
        with self.chain.reading():
            needed = function.estimate_gas({"from": self._account})
            transaction = function.build_transaction({
                "from": self._account, "nonce": Nonce(nonce), "chainId": self.chain.chain_id,
                "gas": min(GAS_MAX, needed * (100 + GAS_MARGIN_PERCENT) // 100),
                "maxFeePerGas": Web3.to_wei(fees.max_fee_wei, "wei"),
                "maxPriorityFeePerGas": Web3.to_wei(fees.tip_wei, "wei"),
            })
        return self._sign(dict(transaction), fees)

    def _sign(self, transaction: dict[str, Any], fees: Fees) -> Transaction:
        signed = self._signer.sign_transaction(transaction)
        return Transaction(f"0x{signed.hash.hex()}", int(transaction["nonce"]), f"0x{signed.raw.hex()}", fees)


def _decoded(raw: str) -> dict[str, Any]:
    """What can be signed again of a signed transaction."""
    known = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return {name: value for name, value in known.items() if name not in ("v", "r", "s")}
