"""Owner, guardian and strangers: changes behind the timelock, pauses, hand-over of power, and what nobody may do."""

from hypothesis import strategies as st

from escrow_kit.machine_model import CAMPAIGNS_MAX, PAUSE_MAX, ZERO, Pause
from escrow_kit.machine_stage import ELSEWHERE, KEEPER, STRANGER, Stage, person, turn
from escrow_kit.pair import (
    ATTESTOR_ADD,
    ATTESTOR_REMOVE,
    ESCAPE,
    FEE,
    FEE_BPS_MAX,
    GUARDIAN,
    NOTICE,
    NOTICE_KIND,
    OPERATOR,
    THRESHOLD_KIND,
    TREASURY,
    WINDOW,
    WINDOW_KIND,
    word,
)
from escrow_kit.signing import account

OWNERS = (person(1), person(23))
ATTESTORS = {int(person(number), 16): account(number) for number in (11, 12, 13, 14, 15)}


def accounts(*numbers: int) -> list[int]:
    return [int(person(number), 16) for number in numbers]


# Per kind a few values that are good at some time, and some that never are.
VALUES = {
    OPERATOR: [*accounts(2, 21), 0],
    GUARDIAN: [*accounts(3, 22), 2**160],
    ATTESTOR_ADD: [*ATTESTORS, 0],
    ATTESTOR_REMOVE: list(ATTESTORS),
    THRESHOLD_KIND: [0, 1, 2, 3, 4],
    FEE: [0, 1, 250, 1_999, FEE_BPS_MAX, FEE_BPS_MAX + 1],
    WINDOW_KIND: [0, 60, WINDOW, NOTICE - 1, NOTICE],
    NOTICE_KIND: [60, WINDOW + 1, NOTICE, ESCAPE, ESCAPE + 1],
    TREASURY: [*accounts(4, 24), 0],
}
CHANGE = st.one_of([st.tuples(st.just(kind), st.sampled_from(values)) for kind, values in VALUES.items()])
MOMENT = st.sampled_from(["now", "in time", "in time", "too late"])
ROLE = st.sampled_from(["stranger", "owner", "operator", "guardian"])
BY_OWNER = st.sampled_from([True, True, True, False])


class Governors(Stage):
    """Rules of owner and guardian, and of strangers who would be either."""

    def sender(self, by_owner: bool) -> str:
        return self.model.owner if by_owner else self.model.guardian

    # --- configuration

    @turn(change=st.one_of(CHANGE, st.sampled_from([(0, 1), (10, 1)])), by_owner=BY_OWNER)
    def announce(self, change: tuple[int, int], by_owner: bool) -> None:
        """L11, L15: only what may be, and a threshold of 0 or above N may not."""
        sender = self.sender(by_owner)
        self.act(
            "escrow",
            "propose_config",
            *(change[0], word(change[1])),
            sender=sender,
            reason=self.model.refuses_announcement(*change, sender),
            effect=lambda: self.model.announce(*change),
        )

    @turn(when=lambda self: self.model.announced, which=st.integers(0, 20), by_owner=BY_OWNER)
    def cancel_config(self, which: int, by_owner: bool) -> None:
        """L15: the guardian cannot, or it could keep itself in office. What is cancelled cannot be applied."""
        change, sender = self.announced(which), self.sender(by_owner)
        arguments = (change[0], word(change[1]))
        self.act("escrow", "cancel_config", *arguments, sender=sender, reason=None if by_owner else "auth")
        if by_owner:
            del self.model.announced[change]
            self.act("escrow", "cancel_config", *arguments, sender=sender, reason="config")
            self.apply(change, sender)

    def announced(self, which: int) -> tuple[int, int]:
        changes = sorted(self.model.announced)
        return changes[which % len(changes)]

    @turn(2, when=lambda self: self.model.announced, which=st.integers(0, 20), moment=MOMENT, by_owner=BY_OWNER)
    def apply_config(self, which: int, moment: str, by_owner: bool) -> None:
        """L3, L9, L15: not before the timelock, not after a month, and only what still fits."""
        change = self.announced(which)
        active_at = self.model.announced[change]
        if moment != "now":
            self.wait_until(active_at + (31 * 86_400 if moment == "too late" else 0))
        self.apply(change, self.sender(by_owner))

    def apply(self, change: tuple[int, int], sender: str) -> None:
        known = {int(attestor.address, 16): attestor for attestor in [*self.model.attestors, *ATTESTORS.values()]}
        refusal = self.model.refuses_application(*change, sender)
        self.act(
            "escrow",
            "apply_config",
            *(change[0], word(change[1])),
            sender=sender,
            reason=refusal,
            effect=lambda: self.model.configure(*change, known.get(change[1])),
        )
        if refusal is None:
            self.count(f"applied kind {change[0]}", None)
            self.removed += [known[change[1]]] if change[0] == ATTESTOR_REMOVE else []
            self.removed = [one for one in self.removed if one not in self.model.attestors]

    @turn(4, change=CHANGE)
    def reconfigure(self, change: tuple[int, int]) -> None:
        """L11, L15: announced, waited for and applied in one go; attestors, threshold, roles and terms all turn."""
        self.announce(change, True)
        if change in self.model.announced:
            self.wait_until(self.model.announced[change])
            self.apply(change, self.model.owner)

    # --- ownership

    @turn(new_owner=st.sampled_from([*OWNERS, ZERO]), by_owner=BY_OWNER, accepts=st.sampled_from([True, True, False]))
    def hand_over_ownership(self, new_owner: str, by_owner: bool, accepts: bool) -> None:
        """L15: an offer moves nothing, only who was offered it accepts, and there is no way to give it to nobody."""
        self.act(
            "escrow",
            "transfer_ownership",
            new_owner,
            sender=self.sender(by_owner),
            reason=None if by_owner else "auth",
            effect=lambda: setattr(self.model, "pending_owner", new_owner),
        )
        people = [STRANGER, self.model.owner, *([] if new_owner == ZERO else [new_owner])]
        for sender in people if accepts else ():
            self.act(
                "escrow",
                "accept_ownership",
                sender=sender,
                reason=None if sender == self.model.pending_owner else "auth",
                effect=self.take_ownership,
            )

    def take_ownership(self) -> None:
        self.model.owner, self.model.pending_owner = self.model.pending_owner, ZERO

    # --- pauses

    def pause_of(self, contract: str) -> Pause:
        return self.model.payout_pause if contract == "payout" else self.model.escrow_pause

    @turn(
        2,
        duration=st.one_of(st.integers(0, 3 * WINDOW), st.sampled_from([PAUSE_MAX, PAUSE_MAX + 1])),
        contract=st.sampled_from(["escrow", "payout"]),
        is_guardian=st.sampled_from([True, True, True, False]),
    )
    def pause(self, duration: int, contract: str, is_guardian: bool) -> None:
        """L13: at most seven days, and then a rest as long as the pause was."""
        pause = self.pause_of(contract)
        self.act(
            contract,
            "pause",
            duration,
            sender=self.model.guardian if is_guardian else self.model.owner,
            reason=pause.refusal(duration) if is_guardian else "auth",
            effect=lambda: pause.start(duration),
        )

    @turn(contract=st.sampled_from(["escrow", "payout"]), who=st.sampled_from(["guardian", "owner", "operator"]))
    def unpause(self, contract: str, who: str) -> None:
        """L13"""
        pause = self.pause_of(contract)
        self.act(
            contract,
            "unpause",
            sender=getattr(self.model, who),
            reason="auth" if who == "operator" else None if pause.running else "running",
            effect=pause.stop,
        )

    @turn(when=lambda self: self.model.escrow_pause.running or self.model.payout_pause.running)
    def wait_for_the_end_of_pauses(self) -> None:
        """L13: they end by themselves."""
        self.wait_until(max(self.model.escrow_pause.until, self.model.payout_pause.until))
        assert not self.pair.escrow.paused()
        assert not self.pair.payout.paused()
        self.count("pauses ran out", None)

    # --- money that anybody may move, and calls that nobody may make

    @turn()
    def withdraw_fees(self) -> None:
        """L3, L16: to the treasury only, whoever calls."""
        amount, treasury = self.model.fees, self.model.treasury
        refusal = "zero" if amount == 0 else self.book.refusal(self.escrow, treasury, amount)
        done = self.act(
            "escrow",
            "withdraw_fees",
            sender=KEEPER,
            reason=refusal,
            effect=lambda: setattr(self.model, "fees", 0),
            moves=[(self.escrow, treasury, amount)],
        )
        assert refusal is not None or done.number == amount

    @turn(campaign=st.integers(0, CAMPAIGNS_MAX), who=ROLE)
    def reach_beyond_ones_power(self, campaign: int, who: str) -> None:
        """L2, L10, L11, L14, L15, L16: no role makes another's call, and the payout contract hears nobody."""
        sender = STRANGER if who == "stranger" else getattr(self.model, who)
        root, kind = bytes([1]) * 32, word(sender)
        calls: tuple[tuple[str, str, str, tuple[object, ...]], ...] = (
            ("advertiser", "escrow", "request_withdrawal", (campaign, 1)),
            ("advertiser", "escrow", "cancel_withdrawal", (campaign,)),
            ("advertiser", "escrow", "withdraw", (campaign, ELSEWHERE)),
            ("advertiser", "escrow", "set_epoch_cap", (campaign, 1)),
            ("operator", "escrow", "propose", (root, root, 0, 1, root, root, [])),
            ("operator", "escrow", "roll", (root, 0, 0, [], root, root, 0, 1, root, root, [])),
            ("guardian", "escrow", "veto", (self.model.epoch + 1,)),
            ("guardian", "escrow", "pause", (1,)),
            ("guardian", "payout", "pause", (1,)),
            ("owner", "escrow", "propose_config", (GUARDIAN, kind)),
            ("owner", "escrow", "apply_config", (OPERATOR, kind)),
            ("owner", "escrow", "cancel_config", (GUARDIAN, kind)),
            ("owner", "escrow", "transfer_ownership", (sender,)),
            ("nobody", "payout", "set_root", (self.model.epoch + 1, root)),
        )
        for holder, contract, function, arguments in calls:
            if holder != who:
                self.act(contract, function, *arguments, sender=sender, reason="auth")
