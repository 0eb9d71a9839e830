"""Laws that any single call must keep, judged from the chain before and after it, its logs, and what was signed.

There is no model of what a call should do: a call that succeeds must explain every change by the events it logged, and
each event must have been allowed. `history` carries what only earlier logs can tell.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from backend.core.keccak import keccak256
from backend.settlement.tree import CUMULATIVE_MAX, Tree, decode_debits
from escrow_kit import pair as kit
from escrow_kit.chain_view import M64, Budget, ChainView, Event

GAS_MAX = 2**24
PAUSE_SECONDS_MAX = 7 * 86_400
REST_SECONDS_MIN = 60
APPLY_SECONDS_MAX = 30 * 86_400
ACCOUNT_FIELDS = {kit.OPERATOR: "operator", kit.GUARDIAN: "guardian", kit.TREASURY: "treasury"}
TERM_FIELDS = {
    kit.THRESHOLD_KIND: "threshold",
    kit.FEE: "fee_bps_later",
    kit.WINDOW_KIND: "window",
    kit.NOTICE_KIND: "notice",
}


@dataclass
class History:
    """What earlier logs said, and what the keys of the fuzzer have signed."""

    proposed: Event | None = None
    caps: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    configs: dict[tuple[int, int], int] = field(default_factory=dict)
    final_roots: set[int] = field(default_factory=set)
    pauses: dict[str, tuple[int, int]] = field(default_factory=dict)
    claim_nonces: dict[int, int] = field(default_factory=dict)
    # Signed or built off chain: knowledge, not state.
    trees: dict[int, Tree] = field(default_factory=dict)
    debits: dict[int, tuple[int, ...]] = field(default_factory=dict)
    attested: dict[tuple[int, ...], frozenset[int]] = field(default_factory=dict)
    claims: set[tuple[int, int, int, int]] = field(default_factory=set)

    def copy(self) -> "History":
        """Independent of the original; trees and words are shared, they never change."""
        caps = {campaign: list(wishes) for campaign, wishes in self.caps.items()}
        parts = ("configs", "final_roots", "pauses", "claim_nonces", "trees", "debits", "attested", "claims")
        return replace(self, caps=caps, **{part: getattr(self, part).copy() for part in parts})


@dataclass(frozen=True)
class Step:
    """One successful call."""

    contract: str
    function: str | None
    data: bytes
    sender: int
    now: int
    before: ChainView
    after: ChainView
    events: tuple[Event, ...]
    # (from, to, micro-USDC) of every Transfer of the token, in order.
    transfers: tuple[tuple[int, int, int], ...]
    escrow: int
    payout: int
    gas_used: int

    def named(self, *names: str) -> list[Event]:
        return [event for event in self.events if event.name in names]

    def argument(self, place: int) -> int:
        """A static argument by its place among the words of the calldata."""
        return int.from_bytes(self.data[4 + 32 * place : 36 + 32 * place])

    def sum(self, name: str, amount: str = "amount") -> int:
        return sum(event[amount] for event in self.named(name))


def escrow_pays_what_it_says(step: Step, history: History) -> None:
    """L1, L3, L16: every token that leaves the escrow is an event's, every deposit credited has arrived."""
    sent = sorted((to, amount) for who, to, amount in step.transfers if who == step.escrow)
    said = [(event["to"], event["amount"]) for event in step.named("Withdrawn", "FeesWithdrawn")]
    nets = [event["total"] - event["fee"] for event in step.named("Finalized")]
    said += [(step.payout, net) for net in nets if net]
    assert sent == sorted(said), f"L16: the escrow sent {sent} and said {said}"
    outside = (step.escrow, step.payout)
    arrived = sum(amount for who, to, amount in step.transfers if to == step.escrow and who not in outside)
    assert arrived == step.sum("CampaignOpened") + step.sum("Deposited"), "L8: credited is not what arrived"


def escrow_is_solvent(step: Step, history: History) -> None:
    """L1: and exactly so, but for gifts."""
    gifts = sum(amount for who, to, amount in step.transfers if to == step.escrow and who in (step.escrow, step.payout))
    assert surplus(step.after) >= 0, "L1: the escrow owes more than it has"
    assert surplus(step.after) - surplus(step.before) == gifts, "L1: tokens came or went without a record"


def surplus(view: ChainView) -> int:
    """micro-USDC that nobody can claim."""
    return view.escrow_balance - view.fees - sum(budget.remaining + budget.reserved for budget in view.campaigns)


def fees_follow_finality(step: Step, history: History) -> None:
    """L3: the fee of an epoch is that of the moment, and only the treasury is paid from it."""
    for event in step.named("Finalized"):
        assert event["fee"] == event["total"] * step.before.fee_bps // 10_000, "L3: the fee is not the epoch's"
    change = step.sum("Finalized", "fee") - step.sum("FeesWithdrawn")
    assert step.after.fees == step.before.fees + change, "L3: fees changed without a record"
    assert all(event["to"] == step.before.treasury for event in step.named("FeesWithdrawn")), "L16: fees went astray"


def budgets_change_as_logged(step: Step, history: History) -> None:
    """L4, L14: no lane, reservation or owner changes but by the events, in their order."""
    campaigns = list(step.before.campaigns)
    for event in step.events:
        if event.name == "CampaignOpened":
            assert event["campaign"] == len(campaigns), "L4: a campaign was opened out of order"
            campaigns.append(Budget(event["amount"], event["owner"]))
        elif event.name == "Finalized":
            _debit(campaigns, event, step, history)
        elif event.name in BUDGET_EVENTS:
            place = event["campaign"]
            campaigns[place] = BUDGET_EVENTS[event.name](campaigns[place], event, step)
    assert step.after.campaigns == tuple(campaigns), "L4: a campaign changed and no event says so"
    assert step.after.lanes_beyond == 0, "L4: the lane of a campaign that was never opened is set"


def _deposited(budget: Budget, event: Event, step: Step) -> Budget:
    return replace(budget, remaining=budget.remaining + event["amount"])


def _requested(budget: Budget, event: Event, step: Step) -> Budget:
    assert budget.reserved == 0, "L14: a second request while one is open"
    assert 0 < event["amount"] <= budget.remaining, "L14: a reservation of what is not there"
    assert event["executable_at"] == step.now + step.before.notice, "L14: not the notice of the moment"
    assert event["after_epoch"] > step.before.epoch, "L14: the running epoch could not be settled"
    return replace(
        budget,
        remaining=budget.remaining - event["amount"],
        reserved=event["amount"],
        executable_at=event["executable_at"],
        escapes_at=step.now + kit.ESCAPE,
        after_epoch=event["after_epoch"],
    )


def _cancelled(budget: Budget, event: Event, step: Step) -> Budget:
    assert event["amount"] == budget.reserved > 0, "L14: cancelled is not what was reserved"
    return Budget(budget.remaining + budget.reserved, budget.owner, active=budget.active)


def _withdrawn(budget: Budget, event: Event, step: Step) -> Budget:
    escapes_at = min(budget.escapes_at, step.before.last_active_at + kit.ESCAPE)
    assert event["amount"] == budget.reserved > 0, "L14: withdrawn is not what was reserved"
    assert step.now >= budget.executable_at, "L14: before the notice"
    assert step.before.epoch >= budget.after_epoch or step.now >= escapes_at, "L14: before the epochs that it covers"
    assert event["to"] not in (0, step.escrow, step.payout), "L16: a withdrawal that nobody can use"
    return Budget(budget.remaining, budget.owner, active=budget.active)


def _switched(budget: Budget, event: Event, step: Step) -> Budget:
    return replace(budget, active=event["active"] == 1)


def _unchanged(budget: Budget, event: Event, step: Step) -> Budget:
    return budget


BUDGET_EVENTS: dict[str, Callable[[Budget, Event, Step], Budget]] = {
    "Deposited": _deposited,
    "WithdrawalRequested": _requested,
    "WithdrawalCancelled": _cancelled,
    "Withdrawn": _withdrawn,
    "CampaignActive": _switched,
    "EpochCapSet": _unchanged,
}


def _debit(campaigns: list[Budget], event: Event, step: Step, history: History) -> None:
    assert history.proposed is not None, "L9: final without a proposal"
    words = history.debits.get(history.proposed["debits_hash"])
    assert words is not None, "L11: debits that nobody attested"
    debits = decode_debits(words)
    assert sum(debits.values()) == event["total"], "L3: the debits are not the total"
    for campaign, amount in debits.items():
        assert campaign < len(campaigns), "L4: a debit of a campaign that does not exist"
        campaigns[campaign] = _debited(campaigns[campaign], amount, event["epoch"])
        cap = cap_at(history, campaign, event["epoch"])
        assert cap == 0 or amount <= cap, "L4: a debit above the advertiser's cap"


def _debited(budget: Budget, amount: int, epoch: int) -> Budget:
    shortfall = max(0, amount - budget.remaining)
    left = replace(budget, remaining=budget.remaining - amount + shortfall)
    if shortfall == 0:
        return left
    assert shortfall <= budget.reserved, "L4: a debit above the budget"
    assert epoch <= budget.after_epoch, "L14: a later epoch took from a reservation"
    if shortfall == budget.reserved:
        return Budget(0, budget.owner, active=budget.active)
    return replace(left, reserved=budget.reserved - shortfall)


def cap_at(history: History, campaign: int, epoch: int) -> int:
    """The cap that binds an epoch: the last that was set for it or for an earlier one; zero for none."""
    binding = [cap for since, cap in history.caps.get(campaign, ()) if since <= epoch]
    return binding[-1] if binding else 0


def payout_pays_what_it_says(step: Step, history: History) -> None:
    """L2, L5: the increases of `paid` are the tokens that left, to whom the events say."""
    sent = [(to, amount) for who, to, amount in step.transfers if who == step.payout]
    gained = [after - before for before, after in zip(step.before.paid, step.after.paid, strict=True)]
    assert min(gained) >= 0, "L5: what was paid has fallen"
    said = step.sum("Paid") + step.sum("Batch", "total")
    assert sum(gained) == said == sum(amount for _, amount in sent), "L5: what left is not what was recorded"
    received = sum(amount for _, to, amount in step.transfers if to == step.payout)
    assert step.after.payout_balance - step.before.payout_balance == received - said, "L2: the balance disagrees"
    for index, gain in enumerate(gained):
        if gain:
            _check_payment(step, history, index, gain, sent)


def _check_payment(step: Step, history: History, index: int, gain: int, sent: list[tuple[int, int]]) -> None:
    tree = history.trees.get(step.before.root)
    assert tree is not None, "L17: paid against a root that nobody built"
    assert index < len(tree.entries), "L17: paid to an index that the tree has not"
    entry = tree.entries[index]
    assert step.after.paid[index] == entry & CUMULATIVE_MAX, "L5: paid is not what the active root says"
    recipient = entry >> 96
    paid = step.named("Paid")
    if paid:
        assert [event["index"] for event in paid] == [index], "L17: another publisher was recorded"
        recipient = _recipient(step, history, index, recipient)
        assert paid[0]["recipient"] == recipient, "L21: somebody else was paid"
    else:
        (batch,) = step.named("Batch")
        assert batch["start_group"] <= index >> 2 < batch["start_group"] + batch["groups"], "L17: outside the range"
    assert recipient not in (0, step.escrow, step.payout), "L16: a payment that nobody can use"
    assert (recipient, gain) in sent, "L21: the recipient got nothing"


def _recipient(step: Step, history: History, index: int, recipient: int) -> int:
    """Who may be paid by this function: elsewhere only by the recipient's own call or signature."""
    if step.function == "claim_to":
        assert step.sender == recipient, "L21: somebody else redirected a claim"
        return step.argument(6)
    if step.function == "claim_to_with_sig":
        nonce = history.claim_nonces.get(index, 0)
        signed = (index, step.argument(6), nonce, step.argument(7))
        assert signed in history.claims, "L12: a claim that the recipient did not sign"
        assert step.now <= step.argument(7), "L12: an expired signature"
        return step.argument(6)
    return recipient


def batches_are_complete(step: Step, history: History) -> None:
    """L7: in a range everybody is paid in full or named as failed."""
    failed = {event["index"]: event["amount"] for event in step.named("PayoutFailed")}
    for batch in step.named("Batch"):
        tree = history.trees[step.before.root]
        for index in range(4 * batch["start_group"], 4 * (batch["start_group"] + batch["groups"])):
            cumulative, before, after = tree.entries[index] % 2**96, step.before.paid[index], step.after.paid[index]
            if index in failed:
                assert after == before, "L7: a failed payout changed something"
                assert failed[index] == cumulative - before, "L7: what failed is not what was due"
            else:
                assert after == max(before, cumulative), "L7: a payee of the range was passed over"


def epochs_count_up(step: Step, history: History) -> None:
    """L9, L18: one at a time, as proposed, after the window, never after a veto."""
    finals = step.named("Finalized")
    assert len(finals) <= 1, "L9: two epochs at once"
    assert step.after.epoch == step.before.epoch + len(finals), "L9: the epoch jumped"
    roots = [event["root"] for event in step.named("RootSet")]
    assert roots == [event["publishers_root"] for event in finals], "L18: a root without a final epoch"
    assert step.after.root == (roots[0] if roots else step.before.root), "L18: the root changed by itself"
    for event in finals:
        was = history.proposed
        assert was is not None, "L9: final without a proposal"
        assert step.before.pending == proposal(was), "L9: what became final was not pending"
        assert step.now >= was["active_at"], "L9: before the window was over"
        same = ("epoch", "publishers_root", "total")
        assert all(event[name] == was[name] for name in same), "L9: not what was proposed"
        assert event["epoch"] == step.after.epoch, "L9: the event names another epoch"


def proposal(event: Event) -> int:
    """`pending()` of a proposal."""
    names = ("epoch", "publishers_root", "debits_hash", "total", "active_at")
    return int.from_bytes(keccak256(b"".join(event[name].to_bytes(32, "big") for name in names)))


def proposals_are_attested(step: Step, history: History) -> None:
    """L9, L10, L11, L12: by a quorum of present attestors, for this epoch, attempt and previous root."""
    proposals, vetoes = step.named("Proposed"), step.named("Vetoed")
    for event in proposals:
        assert step.sender == step.before.operator, "L11: not the operator"
        assert step.before.pending == 0 or step.named("Finalized"), "L9: a pending proposal was replaced"
        assert (event["epoch"], event["attempt"]) == (step.after.epoch + 1, step.before.attempt), "L12: another epoch"
        assert event["active_at"] == step.now + step.before.window, "L9: not the window of the moment"
        assert event["publishers_root"] != 0, "L17: the zero root"
        names = ("publishers_root", "debits_hash", "total", "publishers", "ruleset", "data_hash")
        terms = (event["epoch"], event["attempt"], step.after.root, *(event[name] for name in names))
        signers = history.attested.get(terms, frozenset()) & step.before.attestors
        assert len(signers) >= step.before.threshold, "L11: too few attestors signed this"
    if vetoes:
        assert step.sender == step.before.guardian, "L10: a veto by somebody else"
        assert step.before.pending != 0, "L10: a veto of nothing"
    assert step.after.attempt == step.before.attempt + len(vetoes), "L10: the attempt counts vetoes"
    pending = proposal(proposals[-1]) if proposals else step.before.pending
    cleared = not proposals and (vetoes or step.named("Finalized"))
    assert step.after.pending == (0 if cleared else pending), "L9: the pending proposal changed by itself"


def pauses_end(step: Step, history: History) -> None:
    """L13: at most seven days, then a rest; a pause stops what it says."""
    for name, before, after in (
        ("escrow", step.before.paused_until, step.after.paused_until),
        ("payout", step.before.payout_paused_until, step.after.payout_paused_until),
    ):
        events = step.named("Paused", "Unpaused") if step.contract == name else []
        if not events:
            assert after == before, "L13: a pause moved by itself"
        elif events[0].name == "Paused":
            started, until = history.pauses.get(name, (0, 0))
            assert step.now >= until + max(until - started, REST_SECONDS_MIN), "L13: a pause before the rest was over"
            assert step.now < after <= step.now + PAUSE_SECONDS_MAX, "L13: a pause without an end"
        else:
            assert before > step.now >= after, "L13: what was ended was not running"
    if step.named("CampaignOpened", "Deposited", "Proposed"):
        assert step.now >= step.before.paused_until, "L13: the escrow was paused"
    if step.named("Paid", "Batch", "PayoutFailed"):
        assert step.now >= step.before.payout_paused_until, "L13: payments were paused"


def power_changes_slowly(step: Step, history: History) -> None:
    """L3, L15: roles and terms change by an announced change after its timelock, ownership by two steps."""
    expected = {name: getattr(step.before, name) for name in (*ACCOUNT_FIELDS.values(), *TERM_FIELDS.values())}
    attestors, count = step.before.attestors, step.before.attestor_count
    for event in step.named("ConfigApplied"):
        kind, value = event["kind"], event["value"]
        ready_at = history.configs.get((kind, value))
        assert ready_at is not None, "L15: nobody announced this change"
        assert ready_at <= step.now <= ready_at + APPLY_SECONDS_MAX, "L15: too early, or forgotten"
        if kind in (kit.ATTESTOR_ADD, kit.ATTESTOR_REMOVE):
            adds = kind == kit.ATTESTOR_ADD
            attestors, count = (attestors | {value}, count + 1) if adds else (attestors - {value}, count - 1)
        else:
            expected[{**ACCOUNT_FIELDS, **TERM_FIELDS}[kind]] = value
    assert expected == {name: getattr(step.after, name) for name in expected}, "L15: a role or term changed by itself"
    assert step.after.attestor_count == count, "L15: the number of attestors is wrong"
    # An attestor that was added need not be among the accounts that are watched.
    assert step.after.attestors <= attestors, "L15: an attestor came by itself, or stayed after its removal"
    assert step.before.attestors & attestors <= step.after.attestors, "L15: an attestor was lost"
    assert step.named("Finalized") or step.after.fee_bps == step.before.fee_bps, "L3: the fee of an epoch changed"
    _check_terms(step.after)
    _check_announcements(step)
    _check_ownership(step)


def _check_terms(view: ChainView) -> None:
    assert 1 <= view.threshold <= view.attestor_count <= 16, "L11: a quorum that is none or cannot be reached"
    assert max(view.fee_bps, view.fee_bps_later) <= kit.FEE_BPS_MAX, "L3: the fee passes its bound"
    assert 1 <= view.window < view.notice <= kit.ESCAPE, "L15: window, notice and escape are out of order"
    assert 0 not in (view.owner, view.operator, view.guardian, view.treasury), "L15: a role that nobody holds"


def _check_announcements(step: Step) -> None:
    for event in step.named("ConfigProposed"):
        assert event["active_at"] == step.now + kit.TIMELOCK, "L15: not the timelock"


def _check_ownership(step: Step) -> None:
    owner, offered = step.before.owner, step.before.pending_owner
    for event in step.named("OwnershipTransferStarted"):
        assert step.sender == owner == event["previous_owner"], "L15: ownership offered by somebody else"
        offered = event["new_owner"]
    for event in step.named("OwnershipTransferred"):
        assert step.sender == offered == event["new_owner"], "L15: ownership taken without an offer"
        owner, offered = offered, 0
    assert (step.after.owner, step.after.pending_owner) == (owner, offered), "L15: ownership changed by itself"


def work_is_bounded(step: Step, history: History) -> None:
    """L22"""
    assert step.gas_used < GAS_MAX, f"L22: {step.gas_used} gas"


LAWS: tuple[Callable[[Step, History], None], ...] = (
    escrow_pays_what_it_says,
    escrow_is_solvent,
    fees_follow_finality,
    budgets_change_as_logged,
    payout_pays_what_it_says,
    batches_are_complete,
    epochs_count_up,
    proposals_are_attested,
    pauses_end,
    power_changes_slowly,
    work_is_bounded,
)


def remember(step: Step, history: History) -> None:
    """Takes from a step's logs what later steps are judged by."""
    for event in step.events:
        if event.name == "Proposed":
            history.proposed = event
        elif event.name in ("Vetoed", "Finalized"):
            if event.name == "Finalized":
                history.final_roots.add(event["publishers_root"])
            if not step.named("Proposed"):
                history.proposed = None
        elif event.name == "EpochCapSet":
            wishes = history.caps.get(event["campaign"], [])
            kept = [wish for wish in wishes if wish[0] < event["from_epoch"]]
            history.caps[event["campaign"]] = [*kept, (event["from_epoch"], event["cap"])]
        elif event.name == "ConfigProposed":
            history.configs[event["kind"], event["value"]] = event["active_at"]
        elif event.name in ("ConfigApplied", "ConfigCancelled"):
            history.configs.pop((event["kind"], event["value"]), None)
        elif event.name == "Paused":
            history.pauses[step.contract] = (step.now, event["until"])
        elif event.name == "Unpaused":
            history.pauses[step.contract] = (history.pauses[step.contract][0], step.now)
    if step.function == "claim_to_with_sig":
        index = step.argument(0)
        history.claim_nonces[index] = history.claim_nonces.get(index, 0) + 1


def highest_final(history: History, index: int) -> int:
    """The most that any final root gives a publisher, in micro-USDC."""
    trees = [history.trees[root] for root in history.final_roots if root in history.trees]
    return max((tree.entries[index] & M64 for tree in trees if index < len(tree.entries)), default=0)
