"""What the two contracts must hold and answer, in plain Python: state, and for every call the reason to refuse it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import boa
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from backend.core.keccak import keccak256
from backend.settlement.tree import debits_hash
from escrow_kit.pair import (
    ATTESTOR_ADD,
    ATTESTOR_REMOVE,
    ESCAPE,
    FEE,
    FEE_BPS,
    FEE_BPS_MAX,
    GUARDIAN,
    NO_ROOT,
    NOTICE,
    NOTICE_KIND,
    OPERATOR,
    THRESHOLD,
    THRESHOLD_KIND,
    TIMELOCK,
    TREASURY,
    WINDOW,
    WINDOW_KIND,
    Settlement,
    role,
)
from escrow_kit.signing import account

ZERO = "0x" + "0" * 40
M56, M64, M96 = 2**56 - 1, 2**64 - 1, 2**96 - 1
BUDGET_MAX = 2**62 - 1
CAMPAIGNS_MAX = 6
PAUSE_MAX = 7 * 86_400
REST_SECONDS_MIN = 60
APPLY_MAX = 30 * 86_400
WINDOW_MAX = 30 * 86_400
# The last epoch that may hold service from before a request, counted from the last final one: one that is over and
# about to be proposed, and one that runs. A pending or a vetoed epoch comes before both.
SERVED_EPOCHS, SERVED_EPOCHS_WHILE_SETTLING = 2, 3


def now() -> int:
    """Unix time of the chain."""
    seconds: int = boa.env.timestamp
    return seconds


@dataclass
class Budget:
    """One campaign, in micro-USDC."""

    owner: str
    remaining: int
    active: bool = True
    reserved: int = 0
    executable_at: int = 0
    escapes_at: int = 0
    after_epoch: int = 0
    caps: list[tuple[int, int]] = field(default_factory=list)

    def cap_at(self, epoch: int) -> int:
        """The latest wish whose time has come; a wish for an epoch overrules earlier wishes for it and later ones."""
        holding = [cap for from_epoch, cap in self.caps if from_epoch <= epoch]
        return holding[-1] if holding else 0

    def funds(self, epoch: int) -> int:
        """What `epoch` may debit without regard to the cap."""
        return self.remaining + (self.reserved if epoch <= self.after_epoch else 0)

    def available(self, epoch: int) -> int:
        """What `epoch` may debit."""
        cap = self.cap_at(epoch)
        return min(self.funds(epoch), cap) if cap else self.funds(epoch)

    def debit(self, amount: int) -> None:
        shortfall = max(0, amount - self.remaining)
        self.remaining -= amount - shortfall
        self.reserved -= shortfall


@dataclass
class Pause:
    """A pause that ends by itself; times in seconds."""

    until: int = 0
    length: int = 0

    @property
    def running(self) -> bool:
        return now() < self.until

    def refusal(self, duration: int) -> str | None:
        if duration == 0:
            return "zero"
        if duration > PAUSE_MAX:
            return "duration"
        if self.running:
            return "paused"
        return "rest" if now() < self.until + max(self.length, REST_SECONDS_MIN) else None

    def start(self, duration: int) -> None:
        self.until, self.length = now() + duration, duration

    def stop(self) -> None:
        self.length = now() - (self.until - self.length)
        self.until = now()


@dataclass(frozen=True)
class Draft(Settlement):
    """A settlement as it is signed: `words_hash` may be that of other words, and `flaw` says what is wrong with it."""

    words_hash: bytes = NO_ROOT
    flaw: str = ""

    @property
    def terms(self) -> tuple[bytes, bytes, int, int, bytes, bytes]:
        root, _, total, publishers, ruleset, data_hash = super().terms
        return root, self.words_hash, total, publishers, ruleset, data_hash


@dataclass(frozen=True)
class Proposal:
    """A draft that is pending, with what was fixed when it was proposed."""

    draft: Draft
    active_at: int
    fee_bps: int

    @property
    def arguments(self) -> tuple[bytes, int, int, tuple[int, ...]]:
        """The arguments of `finalize`."""
        return self.draft.root, self.draft.total, self.active_at, self.draft.words


def split_debits(word: int) -> tuple[int, list[int]]:
    """(group, four debits) of a debit word."""
    return word >> 224, [(word >> (56 * lane)) & M56 for lane in range(4)]


def fold(index: int, entries: Sequence[int], proof: Sequence[bytes]) -> bytes | None:
    """The root that a claim's proof leads to; None when the index is not used up. L17, L19: no code of ours in it."""
    position = index >> 2
    node = keccak256(b"".join(entry.to_bytes(32, "big") for entry in entries))
    for sibling in proof:
        node = keccak256(node + sibling) if position % 2 == 0 else keccak256(sibling + node)
        position //= 2
    return node if position == 0 else None


@dataclass
class Model:
    """Everything that the contracts must know. Amounts are micro-USDC, times Unix seconds."""

    # Accounts that nothing is paid to: zero and the two contracts.
    nobodies: tuple[str, ...] = (ZERO,)
    owner: str = role(1)
    pending_owner: str = ZERO
    operator: str = role(2)
    guardian: str = role(3)
    treasury: str = role(4)
    attestors: list[LocalAccount] = field(default_factory=lambda: [account(number) for number in (11, 12, 13)])
    threshold: int = THRESHOLD
    window: int = WINDOW
    notice: int = NOTICE
    # Present and next fee in basis points, and the epoch from which the next one holds.
    fee_terms: tuple[int, int, int] = (FEE_BPS, FEE_BPS, 0)
    announced: dict[tuple[int, int], int] = field(default_factory=dict)
    budgets: list[Budget] = field(default_factory=list)
    escrow_pause: Pause = field(default_factory=Pause)
    payout_pause: Pause = field(default_factory=Pause)
    epoch: int = 0
    attempt: int = 0
    vetoed: bool = False
    last_active_at: int = 0
    fees: int = 0
    final: Draft | None = None
    pending: Proposal | None = None
    paid: dict[int, int] = field(default_factory=dict)
    highest: dict[int, int] = field(default_factory=dict)
    nonces: dict[int, int] = field(default_factory=dict)
    # Sums over all epochs, for the laws that are about sums.
    debited: int = 0
    fees_ever: int = 0
    sent_to_payout: int = 0

    def fork(self) -> "Model":
        """A copy that can be played forward without this one."""
        twin = copy.copy(self)
        twin.budgets = [replace(budget, caps=list(budget.caps)) for budget in self.budgets]
        twin.announced, twin.attestors = dict(self.announced), list(self.attestors)
        twin.paid, twin.highest, twin.nonces = dict(self.paid), dict(self.highest), dict(self.nonces)
        twin.escrow_pause, twin.payout_pause = replace(self.escrow_pause), replace(self.payout_pause)
        return twin

    # --- derived

    @property
    def root(self) -> bytes:
        return self.final.root if self.final else NO_ROOT

    @property
    def after_epoch(self) -> int:
        settling = self.pending is not None or self.vetoed
        return self.epoch + (SERVED_EPOCHS_WHILE_SETTLING if settling else SERVED_EPOCHS)

    def known(self, campaign: int) -> int:
        """A campaign that there is, for any number but the largest that is drawn: that stays one that is not."""
        return campaign if campaign >= CAMPAIGNS_MAX else campaign % len(self.budgets)

    @property
    def operator_is_silent(self) -> bool:
        return now() >= self.last_active_at + ESCAPE

    @property
    def held(self) -> int:
        """What the escrow owes to advertisers and the treasury."""
        return sum(budget.remaining + budget.reserved for budget in self.budgets) + self.fees

    def budget(self, campaign: int) -> Budget | None:
        return self.budgets[campaign] if campaign < len(self.budgets) else None

    def owner_of(self, campaign: int) -> str:
        budget = self.budget(campaign)
        return budget.owner if budget else ZERO

    def fee_bps_at(self, epoch: int) -> int:
        present, following, since = self.fee_terms
        return present if epoch < since else following

    # --- advertiser

    def refuses_opening(self, amount: int, owner: str) -> str | None:
        if amount == 0 or owner == ZERO:
            return "zero"
        if self.escrow_pause.running:
            return "paused"
        return "overflow" if amount > BUDGET_MAX else None

    def refuses_credit(self, campaign: int, amount: int) -> str | None:
        if self.escrow_pause.running:
            return "paused"
        budget = self.budget(campaign)
        if amount == 0:
            return "zero"
        if budget is None:
            return "campaign"
        return "overflow" if amount > BUDGET_MAX - budget.remaining else None

    def refuses_request(self, campaign: int, amount: int, sender: str) -> str | None:
        budget = self.budget(campaign)
        if budget is None or sender != budget.owner:
            return "auth"
        if amount == 0:
            return "zero"
        if budget.reserved:
            return "reserved"
        return "budget" if amount > budget.remaining else None

    def request(self, campaign: int, amount: int) -> None:
        budget = self.budgets[campaign]
        budget.remaining -= amount
        budget.reserved, budget.executable_at = amount, now() + self.notice
        budget.escapes_at, budget.after_epoch = now() + ESCAPE, self.after_epoch

    def refuses_cancel(self, campaign: int, sender: str) -> str | None:
        budget = self.budget(campaign)
        if budget is None or sender != budget.owner:
            return "auth"
        return None if budget.reserved else "zero"

    def cancel(self, campaign: int) -> None:
        budget = self.budgets[campaign]
        budget.remaining, budget.reserved = budget.remaining + budget.reserved, 0

    def refuses_withdrawal(self, campaign: int, to: str, sender: str) -> str | None:
        budget = self.budget(campaign)
        if budget is None or sender != budget.owner:
            return "auth"
        if to in self.nobodies:
            return "to"
        if budget.reserved == 0:
            return "zero"
        if now() < budget.executable_at:
            return "notice"
        is_free = self.operator_is_silent or now() >= budget.escapes_at
        return None if self.epoch >= budget.after_epoch or is_free else "epoch"

    def refuses_cap(self, campaign: int, cap: int, sender: str) -> str | None:
        if self.budget(campaign) is None or sender != self.owner_of(campaign):
            return "auth"
        return "overflow" if cap > M56 else None

    def set_cap(self, campaign: int, cap: int) -> None:
        budget, since = self.budgets[campaign], self.after_epoch + 1
        budget.caps = [(earlier, old) for earlier, old in budget.caps if earlier < since] + [(since, cap)]

    # --- settlement

    def refuses_debits(self, words: Sequence[int], epoch: int) -> str | None:
        """What is wrong with the debits themselves, in the order in which the contract looks."""
        next_group = 0
        for word in words:
            group, debits = split_debits(word)
            if group < next_group:
                return "order"
            next_group = group + 1
            present = [(self.budget(4 * group + lane), debit) for lane, debit in enumerate(debits)]
            if any(budget and 0 < budget.cap_at(epoch) < debit for budget, debit in present):
                return "cap"
            if any(debit > (budget.funds(epoch) if budget else 0) for budget, debit in present):
                return "budget"
        return None

    def refuses_finality(self, root: bytes, total: int, active_at: int, words: Sequence[int]) -> str | None:
        refusal = self.refuses_debits(words, self.epoch + 1)
        if refusal:
            return refusal
        if now() < active_at:
            return "window"
        if sum(sum(split_debits(word)[1]) for word in words) != total:
            return "total"
        given = (root, debits_hash(words), total, active_at)
        return None if self.pending and given == self._commitment(self.pending) else "pending"

    @staticmethod
    def _commitment(proposal: Proposal) -> tuple[bytes, bytes, int, int]:
        return proposal.draft.root, proposal.draft.words_hash, proposal.draft.total, proposal.active_at

    def take_debits(self) -> int:
        """Makes the pending proposal final, but for the root. Returns what goes to the payout contract."""
        assert self.pending is not None
        draft = self.pending.draft
        for word in draft.words:
            group, debits = split_debits(word)
            for lane, debit in enumerate(debits):
                if debit:
                    self.budgets[4 * group + lane].debit(debit)
        # L3: the fee of the day on which it was proposed.
        fee = draft.total * self.pending.fee_bps // 10_000
        self.fees, self.fees_ever = self.fees + fee, self.fees_ever + fee
        self.debited, self.sent_to_payout = self.debited + draft.total, self.sent_to_payout + draft.total - fee
        self.epoch, self.pending, self.vetoed, self.last_active_at = self.epoch + 1, None, False, now()
        return draft.total - fee

    def set_root(self, draft: Draft) -> None:
        self.final = draft
        for index, entry in enumerate(draft.tree.entries):
            self.highest[index] = max(self.highest.get(index, 0), entry & M64)

    def refuses_terms(self, root: bytes, total: int) -> str | None:
        """Why a proposal would fail, signatures aside and without regard to the sender."""
        if self.escrow_pause.running:
            return "paused"
        if self.pending:
            return "pending"
        if root == NO_ROOT:
            return "zero"
        return "root" if root == self.root and total else None

    def propose(self, draft: Draft) -> None:
        self.pending = Proposal(draft, now() + self.window, self.fee_bps_at(self.epoch + 1))
        if not self.vetoed:
            self.last_active_at = now()

    def refuses_veto(self, epoch: int, sender: str) -> str | None:
        if sender != self.guardian:
            return "auth"
        if self.pending is None:
            return "pending"
        return None if epoch == self.epoch + 1 else "epoch"

    def veto(self) -> None:
        self.pending, self.vetoed, self.attempt = None, True, self.attempt + 1

    # --- publishers

    def refuses_node(self, node: bytes | None) -> str | None:
        """Why a proof that leads to `node` is refused."""
        if node is None:
            return "proof"
        if self.payout_pause.running:
            return "paused"
        return None if node == self.root else "proof"

    def refuses_payment(self, index: int, entry: int, to: str) -> str | None:
        if entry & M96 > M64:
            return "reserved"
        if to in self.nobodies:
            return "to"
        return None if entry & M64 > self.paid.get(index, 0) else "paid"

    # --- configuration

    def refuses_value(self, kind: int, number: int) -> str | None:
        if not OPERATOR <= kind <= TREASURY:
            return "kind"
        known = {int(attestor.address, 16) for attestor in self.attestors}
        valid = {
            OPERATOR: 0 < number < 2**160,
            GUARDIAN: 0 < number < 2**160,
            TREASURY: 0 < number < 2**160,
            ATTESTOR_ADD: 0 < number < 2**160 and number not in known and len(known) < 16,
            ATTESTOR_REMOVE: number in known and len(known) > self.threshold,
            THRESHOLD_KIND: 1 <= number <= len(known),
            FEE: number <= FEE_BPS_MAX,
            WINDOW_KIND: 1 <= number <= WINDOW_MAX and number < self.notice,
            NOTICE_KIND: self.window < number <= ESCAPE,
        }
        return None if valid[kind] else "value"

    def refuses_announcement(self, kind: int, number: int, sender: str) -> str | None:
        if sender != self.owner:
            return "auth"
        refusal = self.refuses_value(kind, number)
        return refusal or ("pending" if (kind, number) in self.announced else None)

    def announce(self, kind: int, number: int) -> None:
        self.announced[kind, number] = now() + TIMELOCK

    def refuses_application(self, kind: int, number: int, sender: str) -> str | None:
        active_at = self.announced.get((kind, number))
        if sender != self.owner:
            return "auth"
        if active_at is None:
            return "config"
        if not active_at <= now() <= active_at + APPLY_MAX:
            return "timelock" if now() < active_at else "expired"
        refusal = self.refuses_value(kind, number)
        is_early = kind == FEE and self.fee_terms[2] > self.epoch + 1
        return refusal or ("pending" if is_early else None)

    def configure(self, kind: int, number: int, person: LocalAccount | None) -> None:
        """Applies a change; `person` is the attestor to add."""
        del self.announced[kind, number]
        if kind == ATTESTOR_ADD:
            assert person is not None
            self.attestors.append(person)
        elif kind == ATTESTOR_REMOVE:
            self.attestors = [one for one in self.attestors if int(one.address, 16) != number]
        elif kind == FEE:
            self.fee_terms = (self.fee_terms[1], number, self.after_epoch + 1)
        else:
            self._replace(kind, number)

    def _replace(self, kind: int, number: int) -> None:
        account_name = {OPERATOR: "operator", GUARDIAN: "guardian", TREASURY: "treasury"}.get(kind)
        if account_name:
            setattr(self, account_name, str(to_checksum_address(number.to_bytes(20, "big"))))
        else:
            setattr(self, {THRESHOLD_KIND: "threshold", WINDOW_KIND: "window", NOTICE_KIND: "notice"}[kind], number)
