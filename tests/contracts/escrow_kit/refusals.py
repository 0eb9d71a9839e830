"""One call for every `assert` of the contracts that makes exactly that one fail. Keys are `module.function: reason`.

Where a function gives the same reason at several places, `#2` and so on count them from the top.
"""

from collections.abc import Callable, Sequence

import boa

from backend.settlement.tree import build_tree, encode_entry
from escrow_kit.pair import (
    ESCAPE,
    FEE,
    META,
    NO_ROOT,
    NOTICE,
    TERMS,
    TIMELOCK,
    USDC,
    WINDOW,
    Pair,
    Settlement,
    claim_arguments,
    deploy_escrow,
    deploy_pair,
    role,
    settlement,
    source,
    word,
)
from escrow_kit.signing import account

ZERO = "0x" + "00" * 20
ROOT = bytes([7]) * 32
DAY = 86_400
ROLES = (role(1), role(2), role(3), role(4))
# Creation code of contracts that answer every call with the caller's address, and with zero.
ANSWERS_CALLER = bytes.fromhex("66335f5260205ff35f5260076019f3")
ANSWERS_ZERO = bytes.fromhex("665f5f5260205ff35f5260076019f3")
# Code that answers every call with 5.
FIVE = bytes.fromhex("60055f5260205ff3")

Refusal = Callable[[Pair], object]


def epoch_of(pair: Pair, debits: dict[int, int], cumulative: int = 39 * USDC) -> Settlement:
    """One publisher has earned `cumulative` micro-USDC."""
    return settlement([(pair.treasury, 0), (pair.publisher, cumulative)], debits)


def settled(pair: Pair) -> Settlement:
    """One final epoch: campaign 0 paid 40 USDC."""
    pair.open()
    what = epoch_of(pair, {0: 40 * USDC})
    pair.settle(what)
    return what


def settled_entry(pair: Pair, entry: int) -> None:
    """A final epoch whose only publisher has this entry word; claims it."""
    tree = build_tree([entry])
    pair.settle(Settlement(tree, (), 0, 1))
    pair.payout.claim(*claim_arguments(tree, 0))


def finalize(pair: Pair, words: Sequence[int], total: int = 0, active_at: int = 0) -> None:
    pair.escrow.finalize(ROOT, total, active_at, words)


def propose(pair: Pair, root: bytes = ROOT, total: int = 0, sigs: Sequence[bytes] = ()) -> None:
    pair.escrow.propose(root, NO_ROOT, total, 1, ROOT, ROOT, sigs, sender=pair.operator)


def hostile(fee_bps: int = 0) -> Pair:
    """A pair over a token that takes a fee, or answers false, once there is a budget and a fee."""
    pair = deploy_pair(source("testing/HostileToken.vy").deploy(6))
    settled(pair)
    pair.token.mint(pair.advertiser, USDC)
    pair.token.misbehave(fee_bps, fee_bps == 0)
    return pair


def reserve(pair: Pair, amount: int = USDC) -> None:
    pair.escrow.request_withdrawal(0, amount, sender=pair.advertiser)


def write_storage(contract: object, module: str, variable: str, value: int) -> None:
    """Puts a contract into a state that no sequence of calls reaches in a lifetime."""
    layout = contract.compiler_data.storage_layout["storage_layout"]  # type: ignore[attr-defined]
    boa.env.set_storage(contract.address, layout[module][variable]["slot"], value)  # type: ignore[attr-defined]


# --- escrow


def deposit_paused(pair: Pair) -> None:
    pair.open()
    pair.escrow.pause(1, sender=pair.guardian)
    pair.escrow.deposit(0, 1)


def open_paused(pair: Pair) -> None:
    pair.escrow.pause(1, sender=pair.guardian)
    pair.escrow.open_campaign(pair.advertiser, 1, META)


def pause_twice(pair: Pair, wait: int) -> None:
    pair.escrow.pause(DAY, sender=pair.guardian)
    boa.env.time_travel(seconds=wait)
    pair.escrow.pause(DAY, sender=pair.guardian)


def withdraw(pair: Pair, request: int, wait: int, to: str = role(5)) -> None:
    pair.open()
    if request:
        reserve(pair, request)
    boa.env.time_travel(seconds=wait)
    pair.escrow.withdraw(0, to, sender=pair.advertiser)


def request(pair: Pair, amount: int) -> None:
    pair.open()
    reserve(pair, amount)


def reserve_twice(pair: Pair) -> None:
    pair.open()
    reserve(pair)
    reserve(pair)


def deposit_too_much(pair: Pair) -> None:
    pair.open(1)
    pair.escrow.deposit(0, 2**62 - 1)


def debit_above_cap(pair: Pair) -> None:
    pair.open()
    pair.escrow.set_epoch_cap(0, 10, sender=pair.advertiser)
    for _ in range(2):
        pair.settle(epoch_of(pair, {}, 0))
    finalize(pair, [11])


def cap_too_large(pair: Pair) -> None:
    pair.open()
    pair.escrow.set_epoch_cap(0, 2**56, sender=pair.advertiser)


def too_many_campaigns(pair: Pair) -> None:
    write_storage(pair.escrow, "auto_pause", "_pause", 2**34)
    pair.escrow.open_campaign(pair.advertiser, 1, META)


def authorization_brings_nothing(pair: Pair) -> None:
    pair.open()
    boa.env.set_code(pair.token.address, FIVE)
    pair.escrow.deposit_with_authorization(0, pair.advertiser, 1, 0, 0, META, 27, META, META)


# --- settlements


def fees_overflow(pair: Pair) -> None:
    pair.open()
    pair.propose(epoch_of(pair, {0: 40 * USDC}))
    pair.pass_window()
    layout = pair.escrow.compiler_data.storage_layout["storage_layout"]["settlements"]["_state"]["slot"]
    state = boa.env.get_storage(pair.escrow.address, layout)
    write_storage(pair.escrow, "settlements", "_state", state | 2**64 - 1)
    pair.finalize()


def propose_twice(pair: Pair) -> None:
    pair.propose(epoch_of(pair, {}))
    propose(pair)


def money_without_a_new_root(pair: Pair) -> None:
    propose(pair, settled(pair).root, total=1)


def veto_another_epoch(pair: Pair) -> None:
    pair.propose(epoch_of(pair, {}))
    pair.escrow.veto(2, sender=pair.guardian)


def strangers_sign(pair: Pair) -> None:
    what = epoch_of(pair, {})
    pair.escrow.propose(*what.terms, pair.sigs(what, [account(20), account(21)]), sender=pair.operator)


def apply_config(pair: Pair, wait: int) -> None:
    pair.escrow.propose_config(FEE, word(1), sender=pair.owner)
    boa.env.time_travel(seconds=wait)
    pair.escrow.apply_config(FEE, word(1), sender=pair.owner)


def change_fee_twice(pair: Pair) -> None:
    pair.configure(FEE, word(1))
    pair.configure(FEE, word(2))


def announce_twice(pair: Pair) -> None:
    for _ in range(2):
        pair.escrow.propose_config(FEE, word(1), sender=pair.owner)


# --- payout


def claim_to(pair: Pair) -> None:
    what = settled(pair)
    pair.payout.claim_to(*claim_arguments(what.tree, 1), pair.stranger, sender=pair.stranger)


def claim_to_with_sig(pair: Pair, seconds: int) -> None:
    what = settled(pair)
    deadline = boa.env.timestamp + seconds
    pair.payout.claim_to_with_sig(*claim_arguments(what.tree, 1), pair.stranger, deadline, b"")


def claim_twice(pair: Pair) -> None:
    what = settled(pair)
    for _ in range(2):
        pair.claim(what, 1)


def claim_from_another_tree(pair: Pair) -> None:
    settled(pair)
    pair.payout.claim(0, [0] * 4, [])


def pay_range(pair: Pair, start: int, depth: int, proof: Sequence[bytes] = (), words: int = 4) -> None:
    pair.payout.pay_range(start, depth, [0] * words, proof)


def founding(roles: tuple[str, str, str, str] = ROLES, attestors: list[str] | None = None, **terms: int) -> Refusal:
    """A deployment with something changed; the terms by their place."""
    places = {"threshold": 0, "fee": 1, "fee_max": 2, "window": 3, "notice": 4, "timelock": 5, "escape": 6}
    changed = list(TERMS)
    for name, value in terms.items():
        changed[places[name]] = value
    return lambda pair: deploy_escrow(pair.token, roles, attestors, tuple(changed))


REFUSALS: dict[str, Refusal] = {
    "CampaignEscrow.__init__: payout": lambda pair: deploy_escrow(pair.token, code=ANSWERS_ZERO),
    "CampaignEscrow.__init__: payout #2": lambda pair: deploy_escrow(pair.token, code=ANSWERS_CALLER),
    "CampaignEscrow.withdraw: to": lambda pair: withdraw(pair, USDC, 0, to=ZERO),
    "CampaignEscrow.withdraw: zero": lambda pair: withdraw(pair, 0, 0),
    "CampaignEscrow.withdraw: notice": lambda pair: withdraw(pair, USDC, NOTICE - 1),
    "CampaignEscrow.withdraw: epoch": lambda pair: withdraw(pair, USDC, NOTICE),
    "CampaignEscrow.pause: auth": lambda pair: pair.escrow.pause(1, sender=pair.owner),
    "CampaignEscrow.unpause: auth": lambda pair: pair.escrow.unpause(sender=pair.operator),
    "CampaignEscrow._open: zero": lambda pair: pair.escrow.open_campaign(pair.advertiser, 0, META),
    "CampaignEscrow._credit: zero": lambda pair: pair.escrow.deposit(0, 0),
    "CampaignEscrow._check_operator: auth": lambda pair: pair.escrow.propose(ROOT, ROOT, 0, 1, ROOT, ROOT, []),
    "PublisherPayout.set_root: auth": lambda pair: pair.payout.set_root(1, ROOT),
    "PublisherPayout.set_root: zero": lambda pair: pair.payout.set_root(1, NO_ROOT, sender=pair.escrow.address),
    "PublisherPayout.claim_to: auth": claim_to,
    "PublisherPayout.claim_to_with_sig: expired": lambda pair: claim_to_with_sig(pair, -1),
    "PublisherPayout.claim_to_with_sig: signer": lambda pair: claim_to_with_sig(pair, 0),
    "PublisherPayout.pay_range: entries": lambda pair: pay_range(pair, 0, 0, words=3),
    "PublisherPayout.pay_range: proof": lambda pair: pay_range(pair, 0, 33),
    "PublisherPayout.pay_range: proof #2": lambda pair: pay_range(pair, 1, 1),
    "PublisherPayout.pay_range: proof #3": lambda pair: pay_range(pair, 0, 1),
    "PublisherPayout.pay_range: proof #4": lambda pair: pay_range(pair, 0, 0, [ROOT]),
    "PublisherPayout.pause: auth": lambda pair: pair.payout.pause(1, sender=pair.owner),
    "PublisherPayout.unpause: auth": lambda pair: pair.payout.unpause(sender=pair.operator),
    "PublisherPayout.encode_entry: overflow": lambda pair: pair.payout.encode_entry(pair.publisher, 2**64),
    "PublisherPayout._pay: reserved": lambda pair: settled_entry(pair, encode_entry(pair.publisher, 1) | 1 << 64),
    "PublisherPayout._pay: to": lambda pair: settled_entry(pair, 1),
    "PublisherPayout._pay: paid": claim_twice,
    "PublisherPayout._pay: transfer": lambda pair: (token := hostile()).claim(epoch_of(token, {}), 1),
    "PublisherPayout._fold: proof": lambda pair: pair.payout.claim(4, [0] * 4, []),
    "PublisherPayout._check_root: proof": claim_from_another_tree,
    "PublisherPayout._check_root: proof #2": lambda pair: pair.payout.claim(0, [0] * 4, []),
    "auto_pause._check_running: paused": deposit_paused,
    "auto_pause._count: paused": open_paused,
    "auto_pause._start: zero": lambda pair: pair.escrow.pause(0, sender=pair.guardian),
    "auto_pause._start: duration": lambda pair: pair.escrow.pause(7 * DAY + 1, sender=pair.guardian),
    "auto_pause._start: paused": lambda pair: pause_twice(pair, 0),
    "auto_pause._start: rest": lambda pair: pause_twice(pair, DAY),
    "auto_pause._stop: running": lambda pair: pair.escrow.unpause(sender=pair.guardian),
    "budgets.encode_debit: overflow": lambda pair: pair.escrow.encode_debit(2**32, [0] * 4),
    "budgets.encode_debit: overflow #2": lambda pair: pair.escrow.encode_debit(0, [0, 2**56, 0, 0]),
    "budgets._open: overflow": lambda pair: pair.escrow.open_campaign(pair.advertiser, 2**62, META),
    "budgets._credit: campaign": lambda pair: pair.escrow.deposit(0, 1),
    "budgets._credit: overflow": deposit_too_much,
    "budgets._reserve: zero": lambda pair: request(pair, 0),
    "budgets._reserve: reserved": reserve_twice,
    "budgets._reserve: budget": lambda pair: request(pair, 100 * USDC + 1),
    "budgets._take_reservation: zero": lambda pair: pair.escrow.cancel_withdrawal(pair.open(), sender=pair.advertiser),
    "budgets._set_cap: overflow": cap_too_large,
    "budgets._debit: order": lambda pair: finalize(pair, [1 << 224, 0]),
    "budgets._check_caps: cap": debit_above_cap,
    "budgets._use_reservation: budget": lambda pair: finalize(pair, [1]),
    "campaigns._add: zero": lambda pair: pair.escrow.open_campaign(ZERO, 1, META),
    "campaigns._add: overflow": too_many_campaigns,
    "campaigns._check_owner: auth": lambda pair: pair.escrow.set_campaign_active(pair.open(), False),
    "configuration.__init__: zero": founding(roles=(ROLES[0], ZERO, ROLES[2], ROLES[3])),
    "configuration.__init__: zero #2": founding(roles=(ROLES[0], ROLES[1], ZERO, ROLES[3])),
    "configuration.__init__: zero #3": founding(roles=(ROLES[0], ROLES[1], ROLES[2], ZERO)),
    "configuration.__init__: threshold": founding(threshold=4),
    "configuration.__init__: fee": founding(fee_max=10_000),
    "configuration.__init__: window": founding(window=0),
    "configuration.__init__: notice": founding(notice=WINDOW),
    "configuration.__init__: timelock": founding(timelock=ESCAPE - 1),
    "configuration.__init__: timelock #2": founding(timelock=90 * DAY + 1),
    "configuration.__init__: escape": founding(escape=NOTICE - 1),
    "configuration.__init__: attestor": founding(attestors=[role(11), role(11)]),
    "configuration.propose_config: pending": announce_twice,
    "configuration.cancel_config: config": lambda pair: pair.escrow.cancel_config(FEE, word(1), sender=pair.owner),
    "configuration._apply: config": lambda pair: pair.escrow.apply_config(FEE, word(1), sender=pair.owner),
    "configuration._apply: timelock": lambda pair: apply_config(pair, TIMELOCK - 1),
    "configuration._apply: expired": lambda pair: apply_config(pair, TIMELOCK + 30 * DAY + 1),
    "configuration._apply_fee: pending": change_fee_twice,
    "configuration._check_value: kind": lambda pair: pair.escrow.propose_config(10, word(1), sender=pair.owner),
    "configuration._check_value: value": lambda pair: pair.escrow.propose_config(FEE, word(2_001), sender=pair.owner),
    "settlements.veto: auth": lambda pair: pair.escrow.veto(1, sender=pair.owner),
    "settlements.veto: pending": lambda pair: pair.escrow.veto(1, sender=pair.guardian),
    "settlements.veto: epoch": veto_another_epoch,
    "settlements._finalize: window": lambda pair: finalize(pair, [], active_at=2**63),
    "settlements._finalize: total": lambda pair: finalize(pair, [], total=1),
    "settlements._finalize: pending": lambda pair: finalize(pair, []),
    "settlements._finalize: overflow": fees_overflow,
    "settlements._propose: pending": propose_twice,
    "settlements._propose: zero": lambda pair: propose(pair, NO_ROOT),
    "settlements._propose: root": money_without_a_new_root,
    "settlements._check_quorum: sigs": propose,
    "settlements._check_quorum: signer": strangers_sign,
    "settlements._take_fees: zero": lambda pair: pair.escrow.withdraw_fees(),
    "signatures._recover: s": lambda pair: propose(pair, sigs=[ROOT, b"\x7f" + b"\xff" * 31] * 2),
    "two_step_owner.__init__: zero": founding(roles=(ZERO, ROLES[1], ROLES[2], ROLES[3])),
    "two_step_owner.accept_ownership: auth": lambda pair: pair.escrow.accept_ownership(),
    "two_step_owner._check_owner: auth": lambda pair: pair.escrow.transfer_ownership(pair.stranger),
    "vault.__init__: scale": lambda pair: deploy_escrow(source("testing/HostileToken.vy").deploy(18)),
    "vault._pull: transfer": lambda pair: (token := hostile()).escrow.deposit(0, 1, sender=token.advertiser),
    "vault._pull: received": lambda pair: (token := hostile(1)).escrow.deposit(0, USDC, sender=token.advertiser),
    "vault._pull_authorized: received": authorization_brings_nothing,
    "vault._send: transfer": lambda pair: hostile().escrow.withdraw_fees(),
}
