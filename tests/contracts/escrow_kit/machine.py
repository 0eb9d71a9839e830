"""Everybody at once: one machine that plays all roles in any order, and the laws that must hold after every step.

`machine_of(kind)` is the machine against one kind of token; `MACHINES` has one for each kind.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from eth_abi.abi import encode
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, precondition, rule

from backend.core.keccak import keccak256
from escrow_kit.machine_advertisers import Advertisers
from escrow_kit.machine_governors import ATTESTORS, Governors
from escrow_kit.machine_model import BUDGET_MAX, CAMPAIGNS_MAX, M64, PAUSE_MAX, now
from escrow_kit.machine_publishers import Publishers
from escrow_kit.machine_settlers import Settlers
from escrow_kit.machine_stage import PUBLISHERS_MAX, Turn, chances_of, has_final, turns_of
from escrow_kit.machine_stories import Stories
from escrow_kit.machine_whims import WHIM_TURNS, Whims
from escrow_kit.pair import FEE_BPS_MAX, NO_ROOT
from escrow_kit.tokens import KINDS, WHIM_CALLBACK, WHIM_FEE, TokenKind


class MoneyPath(Stories):
    """Advertisers, publishers, operator, attestors, guardian, owner, keeper, stranger and the token, in any order."""

    @rule(chosen=turns_of((Advertisers, 2), (Settlers, 4), (Publishers, 4), (Governors, 1), (Stories, 4)))
    def anybody(self, chosen: Turn) -> None:
        """Whoever comes next, most often those who settle and are paid."""
        self.play(chosen)

    @rule(chosen=turns_of((Advertisers, 1)))
    def advertiser(self, chosen: Turn) -> None:
        """Advertisers, whoever pays for them, and time."""
        self.play(chosen)

    @rule(chosen=turns_of((Settlers, 1)))
    def operator(self, chosen: Turn) -> None:
        """Operator, attestors, guardian, and whoever finalises."""
        self.play(chosen)

    @precondition(has_final)
    @rule(chosen=turns_of((Publishers, 1)))
    def publisher(self, chosen: Turn) -> None:
        """Publishers, keepers, and strangers who claim for them."""
        self.play(chosen)

    @rule(chosen=turns_of((Governors, 1)))
    def governor(self, chosen: Turn) -> None:
        """Owner, guardian, and strangers who would be either."""
        self.play(chosen)

    def check_the_end(self) -> None:
        if hasattr(self, "steps"):
            self.check_powers()
        super().check_the_end()

    @invariant()
    def all_laws_hold(self) -> None:
        """One invariant, so that the trace of a failure shows the steps and not the checks between them."""
        self.escrow_can_pay_everybody()
        self.every_lane_is_its_own()
        self.caps_bind_the_epochs_they_were_set_for()
        self.payout_spends_what_it_was_given()
        self.payments_only_grow()
        self.an_epoch_splits_without_loss()
        self.epochs_and_roots_follow_the_proposals()
        self.pauses_are_bounded()
        self.one_power_at_a_time()
        self.no_call_back_got_in()

    def escrow_can_pay_everybody(self) -> None:
        """L1, L4, L16: its balance is what it owes and what it was given, to the last unit."""
        balance = self.pair.balance(self.escrow)
        assert balance >= self.model.held
        assert balance == self.model.held + self.gifts[self.escrow] == self.book.balances[self.escrow]

    def every_lane_is_its_own(self) -> None:
        """L4: four campaigns share a word; each holds what the model says, and a campaign that is not there nothing."""
        escrow, budgets = self.pair.escrow, self.model.budgets
        for group in range(CAMPAIGNS_MAX // 4 + 1):
            word = escrow.lanes(group)
            for lane in range(4):
                budget = self.model.budget(4 * group + lane)
                assert (word >> (64 * lane)) & BUDGET_MAX == (budget.remaining if budget else 0)
        for campaign, budget in enumerate(budgets):
            expected = (budget.reserved, budget.executable_at, budget.after_epoch) if budget.reserved else (0, 0, 0)
            assert escrow.reservation(campaign) == expected
            assert escrow.escapes_at(campaign) == (budget.escapes_at if budget.reserved else 0)

    def caps_bind_the_epochs_they_were_set_for(self) -> None:
        """L4, L14: also while up to four wishes wait for their epoch."""
        campaign = now() % len(self.model.budgets)
        budget = self.model.budgets[campaign]
        for epoch in range(self.model.epoch + 1, self.model.epoch + 6 if budget.caps else self.model.epoch + 2):
            assert self.pair.escrow.epoch_cap_at(campaign, epoch) == budget.cap_at(epoch)

    def payout_spends_what_it_was_given(self) -> None:
        """L2, L16: no more than finalised epochs moved into it, and gifts."""
        balance, paid = self.pair.balance(self.payout), sum(self.model.paid.values())
        given = self.model.sent_to_payout + self.gifts[self.payout]
        assert balance == self.book.balances[self.payout]
        assert balance <= given - paid if WHIM_FEE in self.kind.whims else balance == given - paid

    def payments_only_grow(self) -> None:
        """L5: never below what was recorded, never above what a final root promised."""
        for group in range((PUBLISHERS_MAX + 3) // 4):
            word = self.pair.payout.lanes(group)
            for lane in range(4):
                index = 4 * group + lane
                paid = (word >> (64 * lane)) & M64
                assert paid == self.model.paid.get(index, 0) <= self.model.highest.get(index, 0)

    def an_epoch_splits_without_loss(self) -> None:
        """L3: over all epochs; and the fee of a pending one is that of the day on which it was proposed."""
        escrow, model = self.pair.escrow, self.model
        assert escrow.fees() == model.fees
        assert model.debited == model.sent_to_payout + model.fees_ever
        assert model.fees_ever * 10_000 <= model.debited * FEE_BPS_MAX
        fee_bps = escrow.fee_bps_at(model.epoch + 1)
        assert fee_bps == (model.pending.fee_bps if model.pending else model.fee_bps_at(model.epoch + 1))

    def epochs_and_roots_follow_the_proposals(self) -> None:
        """L9, L10, L11, L18: one after the other, what was proposed and nothing else."""
        escrow, model = self.pair.escrow, self.model
        assert (escrow.epoch(), escrow.attempt(), escrow.pending()) == (model.epoch, model.attempt, self.commitment())
        assert escrow.last_active_at() == model.last_active_at
        assert self.pair.payout.root() == model.root
        assert self.pair.payout.active_root() == (NO_ROOT if model.payout_pause.running else model.root)

    def commitment(self) -> bytes:
        """`pending()` of the model's proposal."""
        proposal = self.model.pending
        if proposal is None:
            return NO_ROOT
        draft, types = proposal.draft, ["uint256", "bytes32", "bytes32", "uint256", "uint64"]
        values = [self.model.epoch + 1, draft.root, draft.words_hash, draft.total, proposal.active_at]
        return keccak256(encode(types, values))

    def pauses_are_bounded(self) -> None:
        """L13"""
        for contract, pause in (
            (self.pair.escrow, self.model.escrow_pause),
            (self.pair.payout, self.model.payout_pause),
        ):
            assert contract.paused_until() == pause.until <= now() + PAUSE_MAX

    def one_power_at_a_time(self) -> None:
        """L11, L15: a different one after each step, all of them at the end."""
        checks = self.powers()
        name, expected = checks[self.steps % len(checks)]
        self.steps += 1
        assert getattr(self.pair.escrow, name)() == expected, name

    def powers(self) -> list[tuple[str, Any]]:
        """Views of roles and terms, with what they must answer."""
        names = ("owner", "pending_owner", "operator", "guardian", "treasury", "threshold", "window", "notice")
        return [(name, getattr(self.model, name)) for name in names] + [
            ("attestor_count", len(self.model.attestors)),
            ("campaign_count", len(self.model.budgets)),
        ]

    def check_powers(self) -> None:
        """L4, L11, L15: roles, terms, attestors and owners of campaigns are those of the model."""
        escrow = self.pair.escrow
        for name, expected in self.powers():
            assert getattr(escrow, name)() == expected, name
        office = {attestor.address for attestor in self.model.attestors}
        for attestor in ATTESTORS.values():
            assert escrow.is_attestor(attestor.address) == (attestor.address in office)
        for campaign, budget in enumerate(self.model.budgets):
            assert escrow.campaign_owner(campaign) == budget.owner
            assert escrow.campaign_active(campaign) == budget.active
            assert escrow.remaining(campaign) == budget.remaining

    def no_call_back_got_in(self) -> None:
        """L23: where the contract was busy, none; elsewhere exactly those that were good in themselves."""
        if WHIM_CALLBACK in self.kind.whims:
            assert self.pair.token.callback_successes() == self.intrusions


def machine_of(kind: TokenKind) -> type[MoneyPath]:
    """The machine against one kind of token, with its own count of what calls came to."""
    name = "".join(part.capitalize() for part in kind.name.split())
    members: dict[str, object] = {"kind": kind, "tally": Counter(), "deployed": None}
    if kind.whims:
        members["token_itself"] = whims_of(kind)
    return type(f"MoneyPath{name}", (MoneyPath,), members)


def whims_of(kind: TokenKind) -> Callable[..., None]:
    """The rule of a token that has whims."""

    @rule(chosen=turns_of((Whims, 1), only={name for whim in kind.whims for name in WHIM_TURNS[whim]}))
    def token_itself(self: MoneyPath, chosen: Turn) -> None:
        self.play(chosen)

    return token_itself


def dead_turns(machine: type[MoneyPath]) -> set[str]:
    """Turns that the machine's token allows and that no run has played."""
    roles = (Advertisers, Settlers, Publishers, Governors, Stories)
    names = {name for role in roles for name in chances_of(role)}
    names |= {name for whim in machine.kind.whims for name in WHIM_TURNS[whim]}
    return {name for name in names if not machine.tally[f"turn: {name}", "done"]}


def table(machine: type[MoneyPath]) -> str:
    """What all calls so far came to: one line a call or a turn."""
    lines: dict[str, list[str]] = {}
    for (what, came_to), times in sorted(machine.tally.items()):
        lines.setdefault(what, []).append(f"{came_to} {times}")
    return "\n".join([machine.kind.name, *(f"  {what:34} {', '.join(counts)}" for what, counts in lines.items())])


MACHINES: dict[str, type[MoneyPath]] = {kind.name: machine_of(kind) for kind in KINDS}


def machine_settings(examples: int, steps: int, shrinks: bool) -> settings:
    """How to run a machine. Without shrinking, the trace is printed as found: shrinking may take minutes."""
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        phases=[*phases, Phase.target, Phase.shrink] if shrinks else phases,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
