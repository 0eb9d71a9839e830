"""No call that the contracts allow is too large for a transaction: EIP-7825 ends one at 2**24 gas.

The largest of each kind runs on a chain that enforces the limit, in the state that makes it dearest.
"""

from collections.abc import Iterator, Sequence

import pytest
from escrow_kit.pair import role
from escrow_kit.signing import account

from backend.core.keccak import keccak256
from backend.local import rpc
from backend.settlement.tree import build_tree, debits_hash, encode_debits, encode_entry
from bench.gas import META, NOTICE, PAYER, USDC, Chain, Epoch, Pair, call_of, epoch_of, local_chain
from scripts.export_abi import compile_contract

DEBIT_WORDS_MAX = 256
PAYEES_MAX = 400
ATTESTORS_MAX = 16
DEPTH_MAX = 32
LANES = 4 * DEBIT_WORDS_MAX
SETTING_UP_GAS, CALLS_TO_A_BLOCK = 500_000, 128

# What the largest calls may use, as docs/performance.md says; all below 2**24 = 16,777,216.
ROLL_GAS_MAX = 9_500_000
PAY_RANGE_GAS_MAX = 13_020_000
DEPLOYMENT_GAS_MAX = 7_300_000
CLAIM_GAS_MAX = 130_000


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Over MockUSDC, which costs more than a plain token, with as many attestors as there can be, all in the quorum."""
    with local_chain() as chain:
        yield Pair(chain, compile_contract("MockUSDC"), [account(100 + n) for n in range(ATTESTORS_MAX)])


def open_campaigns(pair: Pair, count: int, amount: int) -> None:
    pair.chain.gas(pair.token, "approve", pair.escrow.address, count * amount)
    send_together(pair, [("open_campaign", PAYER.address, amount, META)] * count)


def send_together(pair: Pair, calls: Sequence[tuple[object, ...]]) -> None:
    """Calls of the escrow that only make the state, many to a block: a block for each costs more than they do."""
    url = pair.chain.rpc_url
    rpc(url, "evm_setAutomine", False)
    for start in range(0, len(calls), CALLS_TO_A_BLOCK):
        some = calls[start : start + CALLS_TO_A_BLOCK]
        for function, *arguments in some:
            asked = call_of(pair.escrow, str(function), *arguments)
            rpc(url, "eth_sendTransaction", {"from": PAYER.address, "gas": hex(SETTING_UP_GAS), **asked})
        rpc(url, "evm_mine", timeout_seconds=60)
        receipts = rpc(url, "eth_getBlockReceipts", "latest", timeout_seconds=60)
        assert isinstance(receipts, list)
        assert [receipt["status"] for receipt in receipts if isinstance(receipt, dict)] == ["0x1"] * len(some)
    rpc(url, "evm_setAutomine", True)


def settle(pair: Pair, what: Epoch) -> None:
    pair.propose(what)
    pair.finalize()


def refused(chain: Chain, contract: object, function: str, *arguments: object) -> bool:
    """Whether the call reverts although it has all the gas that a transaction can have."""
    try:
        chain.gas(contract, function, *arguments)  # type: ignore[arg-type]
    except RuntimeError:
        return True
    return False


def capped_and_reserved(pair: Pair) -> None:
    """Every lane has a cap in force, and is empty but for its reservation: each debit reads and writes the most."""
    open_campaigns(pair, LANES, USDC)
    send_together(pair, [("set_epoch_cap", campaign, USDC) for campaign in range(LANES)])
    for number in (1, 2):
        settle(pair, Epoch(build_tree([number]), 1, (), 0))
    send_together(pair, [("request_withdrawal", campaign, USDC) for campaign in range(LANES)])


def test_roll__most_debits_each_from_a_reservation_under_a_cap_most_signatures__fits(pair: Pair) -> None:
    """L22"""
    capped_and_reserved(pair)
    pair.propose(epoch_of(3, campaigns=LANES, debit=USDC // 2))
    used = pair.roll(epoch_of(4, campaigns=LANES, debit=USDC // 4))
    assert pair.escrow.functions.epoch().call() == 3
    assert pair.escrow.functions.reservation(LANES - 1).call()[0] == USDC // 2
    assert used <= ROLL_GAS_MAX


def test_finalize__one_debit_word_too_many__is_refused(pair: Pair) -> None:
    """L22"""
    open_campaigns(pair, 1, USDC)
    words = [group << 224 for group in range(DEBIT_WORDS_MAX + 1)]
    what = Epoch(build_tree([1]), 1, tuple(words), 0)
    pair.propose(what)
    pair.chain.wait(10)
    assert refused(pair.chain, pair.escrow, "finalize", what.tree.root, 0, pair.active_at, words)
    assert pair.escrow.functions.epoch().call() == 0


def test_propose__one_signature_too_many__is_refused(pair: Pair) -> None:
    """L22"""
    what = epoch_of(1, campaigns=1)
    terms = (what.tree.root, debits_hash(what.debits), what.total, what.publishers, META, META)
    assert refused(pair.chain, pair.escrow, "propose", *terms, [META] * (2 * ATTESTORS_MAX + 2))


@pytest.mark.parametrize("blocked", [False, True])
def test_pay_range__most_payees_for_the_first_time__fits(pair: Pair, blocked: bool) -> None:
    """L7, L22: also when every one of them is on the token's blacklist, so that each payment fails and is logged."""
    open_campaigns(pair, 1, 1_000 * USDC)
    payees = [role(1_000 + n) for n in range(PAYEES_MAX + 4)]
    tree = build_tree([encode_entry(who, USDC) for who in payees])
    settle(pair, Epoch(tree, len(payees), tuple(encode_debits({0: 1_000 * USDC})), 1_000 * USDC))
    if blocked:
        for who in payees:
            pair.chain.gas(pair.token, "blacklist", who)
    too_many = (0, tree.depth, tree.entries[: PAYEES_MAX + 4], tree.range_proof(0, PAYEES_MAX // 4 + 1))
    assert refused(pair.chain, pair.payout, "pay_range", *too_many)
    most = (0, tree.depth, tree.entries[:PAYEES_MAX], tree.range_proof(0, PAYEES_MAX // 4))
    used = pair.chain.gas(pair.payout, "pay_range", *most)
    assert used <= PAY_RANGE_GAS_MAX
    assert pair.token.functions.balanceOf(payees[0]).call() == (0 if blocked else USDC)


def test_claim__deepest_tree__fits(pair: Pair) -> None:
    """L17, L22: 2**34 publishers are all that a proof can place."""
    open_campaigns(pair, 1, USDC)
    index = 4 * (2**DEPTH_MAX - 1)
    entries = (encode_entry(role(9), 1_000), 0, 0, 0)
    siblings = [keccak256(bytes([level])) for level in range(DEPTH_MAX)]
    root = keccak256(b"".join(entry.to_bytes(32, "big") for entry in entries))
    for sibling in siblings:
        root = keccak256(sibling + root)
    settle_root(pair, root)
    assert refused(pair.chain, pair.payout, "claim", index, entries, [*siblings, META])
    assert pair.chain.gas(pair.payout, "claim", index, entries, siblings) <= CLAIM_GAS_MAX
    assert pair.token.functions.balanceOf(role(9)).call() == 1_000


def settle_root(pair: Pair, root: bytes) -> None:
    """Makes a root final that belongs to no tree that could be built; 1 USDC moves with it."""
    tree = build_tree([1])
    object.__setattr__(tree, "levels", ((root,),))
    settle(pair, Epoch(tree, 1, tuple(encode_debits({0: USDC})), USDC))


def test_deployment__most_attestors__fits(pair: Pair) -> None:
    """L22: the escrow creates the payout contract in its constructor, so one transaction holds both."""
    found = [rpc(pair.chain.rpc_url, "eth_getTransactionReceipt", sent) for sent in creations(pair.chain)]
    used = [int(str(receipt["gasUsed"]), 16) for receipt in found if isinstance(receipt, dict)]
    assert 0 < max(used) <= DEPLOYMENT_GAS_MAX


def creations(chain: Chain) -> list[str]:
    """Hashes of the transactions so far that created a contract."""
    hashes = []
    for number in range(1, int(str(rpc(chain.rpc_url, "eth_blockNumber")), 16) + 1):
        block = rpc(chain.rpc_url, "eth_getBlockByNumber", hex(number), True)
        assert isinstance(block, dict)
        transactions = block["transactions"]
        assert isinstance(transactions, list)
        hashes += [str(sent["hash"]) for sent in transactions if isinstance(sent, dict) and not sent["to"]]
    return hashes


def test_withdraw__after_the_notice__costs_the_same_beside_a_thousand_campaigns(pair: Pair) -> None:
    """L22: what others open or deposit does not make anybody's call dearer."""
    open_campaigns(pair, 4, USDC)
    alone = withdrawal_gas(pair, 1)
    open_campaigns(pair, 1_000, 1)
    assert withdrawal_gas(pair, 2) == alone


def withdrawal_gas(pair: Pair, campaign: int) -> int:
    pair.chain.gas(pair.escrow, "request_withdrawal", campaign, USDC // 2)
    for _ in range(2):
        settle(pair, Epoch(build_tree([pair.finalized + 1]), 1, (), 0))
    pair.chain.wait(NOTICE)
    return pair.chain.gas(pair.escrow, "withdraw", campaign, PAYER.address)
