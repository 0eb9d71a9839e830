"""What every main call costs in gas, beside its goal, the best peer and the computed floor. `--json` prints JSON.

Exact figures of receipts on a chain of this run's own, under the rules of Osaka; every run gives the same ones. The
token is PlainToken (EIP-20 and EIP-2612 only), MockUSDC for EIP-3009; the quorum is three. Batches hold whole groups of
four, so "10" pays 12. "first" pays accounts that never held the token, "later" the same accounts one epoch after.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32
from eth_utils.address import to_checksum_address
from rich.console import Console
from rich.table import Table
from web3 import Web3
from web3.contract import Contract

from backend.core.keccak import keccak256
from backend.local import fund, rpc, start_stack
from backend.local.rpc import Json
from backend.settlement.attestation import Settlement, compact, digest, quorum
from backend.settlement.tree import Tree, build_tree, debits_hash, encode_debits, encode_entry
from scripts.deploying.deployment import FEE_BPS_MAX, Parameters
from scripts.export_abi import ROOT, compile_contract

# As the peers were measured. The chain takes blocks of any size, but no transaction above EIP-7825's 2**24.
ANVIL_ARGUMENTS = (
    "--hardfork", "osaka", "--gas-limit", "1000000000", "--tx-gas-limit", "--base-fee", "0", "--gas-price", "0",
)
TRANSACTION_GAS_MAX = 2**24
START = 2_000_000_000  # fixed, so that the bytes of times cost the same in every run
USDC = 1_000_000
UNLIMITED = 2**256 - 1
CAMPAIGNS = 1_000
WINDOW, NOTICE, TIMELOCK, ESCAPE = 3, 6, 60, 60
NO_ROOT, META, RULESET, DATA_HASH = (bytes([number]) * 32 for number in (0, 4, 2, 3))
# Publishers, and one of them that no other row pays; the next one shares its group.
SIZES = {"1k": (1_000, 5), "10k": (10_000, 5_005), "100k": (100_000, 50_005)}
RANGES = {10: (10, 3), 100: (20, 25), 400: (100, 100)}  # payees: first group, groups
Parts = tuple[int, bytes, bytes]  # v, r, s
PERMIT = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256"}
AUTHORIZATION = {
    "from": "address",
    "to": "address",
    "value": "uint256",
    "validAfter": "uint256",
    "validBefore": "uint256",
    "nonce": "bytes32",
}


def key(number: int) -> LocalAccount:
    """A key that is the same in every run; 0 is not one."""
    signer: LocalAccount = Account.from_key(number.to_bytes(32, "big"))
    return signer


PAYER = key(7)  # owner, operator, guardian and advertiser in one: who calls does not change what a call costs
TREASURY = key(4)
ATTESTORS = tuple(key(number) for number in (11, 12, 13))


# --- what the rows are held against -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Reference:
    """Gas of others for the same job. None: there is no such figure."""

    goal: int | None = None
    peer: str = "none"
    peer_gas: int | None = None
    floor: int | None = None


# Peers: measured on the same kind of chain with each project's own compiler and optimizer settings, over OpenZeppelin
# 5.4's ERC20 with permit; Lido and Merkl behind their proxies. A peer is the cheapest that does the row's job; those
# that check less are in ALSO. AdEx with its optimizer on, which favours it. Merkl's batches are totals over payees,
# SPLITS_TWO is 46,365 (approve) + 49,013, the Warehouse's withdrawal is rounded to hundreds. Floors: computed from the
# gas schedule, without the calls' own checks. deposit_open's goal is for a word in use.
LIDO = "Lido CSM processOracleReport, checks one aggregate"
UNISWAP = "Uniswap distributor, used word, one root per contract"
ONE_INCH = "1inch CumulativeMerkleDrop128, 16-byte nodes"
MERKL = "Merkl batch claim"
SPLITS_TWO = "0xSplits Warehouse, approve + deposit"
REFERENCES: dict[str, Reference] = {
    "settle_1": Reference(105_000, LIDO, 288_022),
    "settle_10": Reference(118_000, LIDO, 288_022),
    "settle_100": Reference(255_000, LIDO, 288_022),
    "settle_1000": Reference(1_650_000, LIDO, 288_022),
    "claim_first_used_1k": Reference(72_500, UNISWAP, 72_438, 69_000),
    "claim_first_used_10k": Reference(75_600, UNISWAP, 75_835, 71_400),
    "claim_first_used_100k": Reference(77_900, UNISWAP, 78_274, 73_300),
    "claim_first_fresh_1k": Reference(89_600, ONE_INCH, 86_408, 86_100),
    "claim_first_fresh_10k": Reference(92_700, ONE_INCH, 88_102, 88_500),
    "claim_first_fresh_100k": Reference(95_000, ONE_INCH, 89_457, 90_400),
    "claim_later_1k": Reference(55_400, ONE_INCH, 52_218, 51_900),
    "claim_later_10k": Reference(58_500, ONE_INCH, 53_922, 54_300),
    "claim_later_100k": Reference(60_800, ONE_INCH, 55_257, 56_200),
    "range_later_10": Reference(15_000, MERKL, 47_457, 9_900),
    "range_later_100": Reference(11_400, MERKL, 44_440, 9_900),
    "range_later_400": Reference(11_000, f"{MERKL} of 500", 48_522, 9_900),
    "range_first_10": Reference(36_500, MERKL, 100_749, 31_400),
    "range_first_100": Reference(32_800, MERKL, 95_927, 31_400),
    "range_first_400": Reference(32_400, f"{MERKL} of 500", 99_886, 31_400),
    "deposit_topup": Reference(50_000, "0xSplits Warehouse deposit", 49_013, 48_400),
    "deposit_topup_unlimited": Reference(None, "0xSplits Warehouse deposit", 49_013),
    "deposit_open": Reference(77_000, "AdEx v4 channelOpen", 68_468),
    "deposit_open_fresh": Reference(None, "AdEx v4 channelOpen", 68_468),
    "deposit_permit": Reference(65_000, SPLITS_TWO, 95_378),
    "deposit_3009": Reference(None, SPLITS_TWO, 95_378),
    "propose": Reference(None, "EigenLayer submitRoot, checks nothing", 88_948),
    "finalize_10": Reference(),
    "withdraw_request": Reference(),
    "withdraw": Reference(None, "0xSplits Warehouse withdraw", 51_600),
    "veto": Reference(),
}
ALSO = (
    "Cheaper, checking less. Settle: 1inch setMerkleRoot 30,353 (nothing), Merkl updateTree 59,474 and EigenLayer"
    " submitRoot 88,948 (a delay), Morpho submitRoot + acceptRoot 136,359 (a timelock).\n"
    "Range, no proof and no record of what was paid: GasliteDrop 12.6k / 9.17k / 8.87k later, 29.7k / 26.3k / 26.0k"
    " first; Disperse 13.5k / 10.0k / 9.74k later, 30.6k / 27.1k / 26.8k first (10 / 100 / 500 payees).\n"
    "Claims with nodes of 32 bytes, as ours: 1inch CumulativeMerkleDrop 88,707 / 91,421 / 93,430 first, 54,517 / 57,219"
    " / 59,280 later (1k / 10k / 100k)."
)


# --- the chain --------------------------------------------------------------------------------------------------


class Chain:
    """A local chain where every block is a transaction and one second; everybody is unlocked."""

    def __init__(self, rpc_url: str) -> None:
        self.rpc_url = rpc_url
        rpc(rpc_url, "anvil_autoImpersonateAccount", True)
        rpc(rpc_url, "anvil_setBlockTimestampInterval", 1)
        rpc(rpc_url, "evm_setNextBlockTimestamp", START)
        fund(rpc_url, PAYER.address, 10**24)

    def deploy(self, artifact: Mapping[str, object], *arguments: object) -> Contract:
        factory = Web3().eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        receipt = self.send({"data": factory.constructor(*arguments).data_in_transaction})
        return self.at(str(receipt["contractAddress"]), artifact)

    def at(self, address: str, artifact: Mapping[str, object]) -> Contract:
        contract: Contract = Web3(Web3.HTTPProvider(self.rpc_url)).eth.contract(
            to_checksum_address(address), abi=artifact["abi"]
        )
        return contract

    def gas(self, contract: Contract, function: str, *arguments: object) -> int:
        """Gas used by a call that must succeed."""
        return _number(self.send(call_of(contract, function, *arguments))["gasUsed"])

    def send(self, fields: dict[str, Json]) -> dict[str, Json]:
        """The receipt. Raises RuntimeError when the transaction reverts."""
        asked: dict[str, Json] = {"from": PAYER.address, "gas": hex(TRANSACTION_GAS_MAX), **fields}
        receipt = rpc(self.rpc_url, "eth_sendTransactionSync", asked)  # answers when it is in a block
        if not isinstance(receipt, dict) or _number(receipt["status"]) != 1:
            raise RuntimeError(f"a measured transaction failed: {receipt}")
        return receipt

    def now(self) -> int:
        block = rpc(self.rpc_url, "eth_getBlockByNumber", "latest", False)
        assert isinstance(block, dict)
        return _number(block["timestamp"])

    def wait(self, seconds: int) -> None:
        """The next block is `seconds` after the last one."""
        rpc(self.rpc_url, "evm_setNextBlockTimestamp", self.now() + seconds)


def call_of(contract: Contract, function: str, *arguments: object) -> dict[str, Json]:
    """The fields of a transaction. web3's own way goes through the whole ABI, which takes longer than the call."""
    types = tuple(str(kind["type"]) for kind in contract.functions[function].abi["inputs"])
    return {"to": contract.address, "data": "0x" + (_selector(function, types) + encode(types, arguments)).hex()}


@cache
def _selector(function: str, types: tuple[str, ...]) -> bytes:
    return keccak256(f"{function}({','.join(types)})".encode())[:4]


@contextmanager
def local_chain() -> Iterator[Chain]:
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder:
        env = {"PATH": os.environ.get("PATH", "")}
        with start_stack(
            Path(folder),
            need=frozenset({"anvil"}),
            block_time_seconds=None,
            env=env,
            fast_unsafe=True,
            anvil_args=ANVIL_ARGUMENTS,
        ) as stack:
            yield Chain(stack.rpc_url)


def plain_token() -> dict[str, object]:
    """{"abi", "bytecode"} of the token that does nothing but what the standards ask."""
    from vyper.cli.vyper_compile import compile_files  # type: ignore[import-untyped]

    source = ROOT / "contracts" / "testing" / "PlainToken.vy"
    (artifact,) = compile_files([str(source)], ["abi", "bytecode"], paths=[str(ROOT)]).values()
    return dict(artifact)


# --- epochs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Epoch:
    """What one epoch settles: a tree of cumulative earnings and the debits of the first campaigns."""

    tree: Tree
    publishers: int
    debits: tuple[int, ...]
    total: int


@cache
def recipients(publishers: int) -> tuple[str, ...]:
    return tuple("0x" + keccak256(index.to_bytes(8, "big"))[12:].hex() for index in range(publishers))


def epoch_of(number: int, *, publishers: int = 1_000, campaigns: int = 1, debit: int = USDC) -> Epoch:
    """Every publisher earns 1 to 5,000 USDC an epoch, another amount each; `debit` micro-USDC of each campaign."""
    earned = (number * (USDC + (index * 2_654_435_761) % (4_999 * USDC)) for index in range(publishers))
    tree = build_tree([encode_entry(who, amount) for who, amount in zip(recipients(publishers), earned, strict=True)])
    return Epoch(tree, publishers, tuple(encode_debits(dict.fromkeys(range(campaigns), debit))), campaigns * debit)


class Pair:
    """Escrow and payout contract over a token, and the epoch that is pending."""

    def __init__(
        self, chain: Chain, token: Mapping[str, object], signers: Sequence[LocalAccount] = ATTESTORS
    ) -> None:
        who, self.signers = PAYER.address, signers
        attestors = tuple(attestor.address for attestor in signers)
        times = (WINDOW, NOTICE, TIMELOCK, ESCAPE)
        asked = Parameters(who, who, who, TREASURY.address, attestors, len(attestors), 250, FEE_BPS_MAX, *times)
        payout = compile_contract("PublisherPayout")
        code = bytes.fromhex(str(payout["bytecode"]).removeprefix("0x"))
        self.chain = chain
        self.token = chain.deploy(token)
        terms = (self.token.address, code, asked.roles, list(attestors), asked.terms)
        self.escrow = chain.deploy(compile_contract("CampaignEscrow"), *terms)
        self.payout = chain.at(self.escrow.functions.payout().call(), payout)
        self.finalized, self.previous_root, self.active_at = 0, NO_ROOT, 0
        self.pending: Epoch | None = None
        chain.gas(self.token, "mint", who, 10**18)

    def propose(self, what: Epoch) -> int:
        used = self.chain.gas(self.escrow, "propose", *self._terms(what, self.finalized + 1, self.previous_root))
        self._is_pending(what)
        return used

    def finalize(self) -> int:
        what = self._due()
        used = self.chain.gas(self.escrow, "finalize", what.tree.root, what.total, self.active_at, what.debits)
        self._is_final(what)
        self.pending = None
        return used

    def roll(self, after: Epoch) -> int:
        """Makes the pending epoch final and proposes `after`."""
        what = self._due()
        final = (what.tree.root, what.total, self.active_at, what.debits)
        used = self.chain.gas(self.escrow, "roll", *final, *self._terms(after, self.finalized + 2, what.tree.root))
        self._is_final(what)
        self._is_pending(after)
        return used

    def claim(self, what: Epoch, index: int) -> int:
        return self.chain.gas(self.payout, "claim", index, what.tree.group(index), what.tree.claim_proof(index))

    def pay_range(self, what: Epoch, start: int, groups: int) -> int:
        """Gas per payee, rounded up."""
        words = what.tree.entries[4 * start : 4 * (start + groups)]
        proof = what.tree.range_proof(start, groups)
        return -(-self.chain.gas(self.payout, "pay_range", start, what.tree.depth, words, proof) // (4 * groups))

    def sign(self, token: tuple[str, str], kind: str, fields: Mapping[str, str], values: Sequence[object]) -> Parts:
        """The payer's signature over typed data of the token, given by name and version (EIP-712)."""
        name, version = token
        where = {"name": name, "version": version, "chainId": self._chain_id(), "verifyingContract": self.token.address}
        types = {kind: [{"name": field, "type": type_} for field, type_ in fields.items()]}
        signed = PAYER.sign_message(encode_typed_data(where, types, dict(zip(fields, values, strict=True))))
        return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")

    def _due(self) -> Epoch:
        assert self.pending is not None
        self.chain.wait(WINDOW)
        return self.pending

    def _is_pending(self, what: Epoch) -> None:
        self.pending, self.active_at = what, self.chain.now() + WINDOW

    def _is_final(self, what: Epoch) -> None:
        self.finalized, self.previous_root = self.finalized + 1, what.tree.root

    def _terms(self, what: Epoch, epoch: int, previous_root: bytes) -> tuple[object, ...]:
        """The arguments of `propose`, signed by the quorum."""
        hashed, root = debits_hash(what.debits), what.tree.root
        settlement = Settlement(
            epoch, 0, previous_root, root, hashed, what.total, what.publishers, RULESET, DATA_HASH
        )
        signed = digest(settlement, self._chain_id(), self.escrow.address)
        given = {str(signer.address): attest(signer, signed) for signer in self.signers}
        sigs = quorum(given, list(given), len(given))
        return root, hashed, what.total, what.publishers, RULESET, DATA_HASH, sigs

    def _chain_id(self) -> int:
        return _number(rpc(self.chain.rpc_url, "eth_chainId"))


def attest(attestor: LocalAccount, signed: bytes) -> bytes:
    signature = attestor.unsafe_sign_hash(Hash32(signed))
    return compact(signature.r, signature.s, signature.v - 27)


# --- the rows ---------------------------------------------------------------------------------------------------


def deposit_rows(pair: Pair) -> dict[str, int]:
    """Opens CAMPAIGNS campaigns. Group 1 is measured: campaign 4 is the first of its word, 5 finds the word in use."""
    gas, who = pair.chain.gas, PAYER.address
    gas(pair.token, "approve", pair.escrow.address, 10**17)
    opened = [gas(pair.escrow, "open_campaign", who, 10**6 * USDC, META) for _ in range(CAMPAIGNS)]
    rows = {"deposit_topup": gas(pair.escrow, "deposit", 5, 1_000 * USDC)}
    gas(pair.token, "approve", pair.escrow.address, UNLIMITED)
    rows["deposit_topup_unlimited"] = gas(pair.escrow, "deposit", 5, 1_000 * USDC)
    rows |= {"deposit_open": opened[5], "deposit_open_fresh": opened[4]}
    # An allowance that is used up, and a nonce that is not the first: the steady state of an advertiser.
    gas(pair.token, "approve", pair.escrow.address, 0)
    return rows | {"deposit_permit": [permit_deposit(pair, nonce) for nonce in range(2)][-1]}


def permit_deposit(pair: Pair, nonce: int) -> int:
    amount, deadline = 1_000 * USDC, START * 2
    values = (PAYER.address, pair.escrow.address, amount, nonce, deadline)
    parts = pair.sign(("Plain Token", "1"), "Permit", PERMIT, values)
    return pair.chain.gas(pair.escrow, "deposit_with_permit", 5, amount, deadline, *parts)


def authorization_row(pair: Pair) -> dict[str, int]:
    """A top-up by EIP-3009; every authorisation has a nonce of its own, hence a fresh slot."""
    gas, amount = pair.chain.gas, 1_000 * USDC
    gas(pair.token, "approve", pair.escrow.address, amount)
    gas(pair.escrow, "open_campaign", PAYER.address, amount, META)
    salt, until = keccak256(b"salt"), START * 2
    nonce = keccak256(bytes(32) + salt)  # keccak256(abi_encode(campaign 0, salt))
    values = (PAYER.address, pair.escrow.address, amount, 0, until, nonce)
    parts = pair.sign(("USD Coin", "2"), "ReceiveWithAuthorization", AUTHORIZATION, values)
    used = gas(pair.escrow, "deposit_with_authorization", 0, PAYER.address, amount, 0, until, salt, *parts)
    return {"deposit_3009": used}


def settlement_rows(pair: Pair) -> dict[str, int]:
    """`roll` in the steady state: an epoch of N campaigns becomes final and the next one is proposed."""
    counts = (1, 10, 100, 1_000)
    pair.propose(epoch_of(1, campaigns=CAMPAIGNS))
    pair.roll(epoch_of(2, campaigns=counts[0]))  # warms up
    rows = {}
    for number, (count, after) in enumerate(zip(counts, (*counts[1:], 1), strict=True), start=3):
        rows[f"settle_{count}"] = pair.roll(epoch_of(number, campaigns=after))
    pair.finalize()
    return rows


def payout_rows(pair: Pair) -> dict[str, int]:
    """Two epochs for each size of the tree; ranges are paid in the smallest."""
    rows: dict[str, int] = {}
    for turn, (size, (publishers, index)) in enumerate(SIZES.items()):
        for when, number in (("first", 10 + 2 * turn), ("later", 11 + 2 * turn)):
            what = epoch_of(number, publishers=publishers, debit=10**5 * USDC, campaigns=CAMPAIGNS)
            pair.propose(what)
            pair.finalize()
            if when == "first":
                rows[f"claim_first_fresh_{size}"] = pair.claim(what, index)
                rows[f"claim_first_used_{size}"] = pair.claim(what, index + 1)
            else:
                rows[f"claim_later_{size}"] = pair.claim(what, index)
            if size == "1k":
                rows |= {f"range_{when}_{n}": pair.pay_range(what, *place) for n, place in RANGES.items()}
    return rows


def exit_rows(pair: Pair) -> dict[str, int]:
    """An advertiser takes money back; the guardian stops a proposal."""
    gas = pair.chain.gas
    rows = {"withdraw_request": gas(pair.escrow, "request_withdrawal", 9, USDC)}
    rows["propose"] = pair.propose(epoch_of(20, campaigns=10))
    rows["finalize_10"] = pair.finalize()
    pair.propose(epoch_of(21))
    pair.finalize()
    pair.chain.wait(NOTICE)
    rows["withdraw"] = gas(pair.escrow, "withdraw", 9, PAYER.address)
    pair.propose(epoch_of(22))
    return rows | {"veto": gas(pair.escrow, "veto", pair.finalized + 1)}


def measure(chain: Chain) -> dict[str, int]:
    """Gas of every row, in the order of REFERENCES."""
    pair = Pair(chain, plain_token())
    steps: tuple[Callable[[Pair], dict[str, int]], ...] = (deposit_rows, settlement_rows, payout_rows, exit_rows)
    rows: dict[str, int] = {}
    for step in steps:
        rows |= step(pair)
    rows |= authorization_row(Pair(chain, compile_contract("MockUSDC")))
    return {name: rows.pop(name) for name in REFERENCES}


def sizes() -> dict[str, int]:
    """Bytes of both contracts' code: as created, without constructor arguments, and as it stays on chain."""
    codes = {"creation": "bytecode", "runtime": "bytecode_runtime"}
    return {
        f"{name}, {kind}": len(str(compile_contract(name)[field]).removeprefix("0x")) // 2
        for name in ("CampaignEscrow", "PublisherPayout")
        for kind, field in codes.items()
    }


# --- printing ---------------------------------------------------------------------------------------------------


def as_json(rows: Mapping[str, int]) -> dict[str, dict[str, object]]:
    """Rows as every benchmark prints them. `baseline` is the peer's gas; a figure that does not exist is null."""
    return {name: row_of(used, REFERENCES[name]) for name, used in rows.items()}


def row_of(used: int, held: Reference) -> dict[str, object]:
    return {
        "value": used,
        "unit": "gas",
        "baseline": held.peer_gas,
        "ratio": used / held.peer_gas if held.peer_gas else None,
        "goal": held.goal,
        "met": used <= held.goal if held.goal else None,
        "floor": held.floor,
        "peer": held.peer,
    }


def as_table(rows: Mapping[str, int]) -> Table:
    table = Table(title="Gas on a real chain; range_* per payee")
    for heading in ("row", "ours", "goal", "met", "floor", "peer", "ratio", "the peer"):
        table.add_column(heading, justify="left" if heading in {"row", "met", "the peer"} else "right")
    for name, used in rows.items():
        held = REFERENCES[name]
        met = "-" if held.goal is None else "yes" if used <= held.goal else f"no, {used - held.goal:,} over"
        ratio = f"{used / held.peer_gas:.2f}" if held.peer_gas else "-"
        figures = (_text(held.floor), _text(held.peer_gas), ratio)
        table.add_row(name, _text(used), _text(held.goal), met, *figures, held.peer)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wants_json = parser.parse_args().json
    with local_chain() as chain:
        rows = measure(chain)
    if wants_json:
        print(json.dumps(as_json(rows)))
        return
    # A table in a file or a pipe is not cut to a terminal's width.
    Console(width=None if sys.stdout.isatty() else 160).print(as_table(rows))
    print(ALSO)


def _number(answer: Json) -> int:
    assert isinstance(answer, str)
    return int(answer, 16)


def _text(gas: int | None) -> str:
    return "-" if gas is None else f"{gas:,}"


if __name__ == "__main__":
    main()
