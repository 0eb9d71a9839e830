"""Publishers and keeper: every way to be paid, by whoever calls, in any order, against roots that live or are dead."""

from eth_utils.address import to_checksum_address
from hypothesis import strategies as st

from escrow_kit.machine_model import M64, M96, ZERO, Draft, fold, now
from escrow_kit.machine_stage import (
    ELSEWHERE,
    GAS_MAX,
    KEEPER,
    PUBLISHERS_MAX,
    STRANGER,
    Stage,
    has_final,
    person,
    send,
    turn,
)
from escrow_kit.pair import claim_arguments, range_arguments
from escrow_kit.signing import CLAIM_FIELDS, account, sign
from escrow_kit.tokens import WHIM_CALLBACK

INDEX = st.integers(0, PUBLISHERS_MAX + 1)
# Mostly the last final epoch's tree, sometimes an older one.
AGE = st.sampled_from([0, 0, 0, 0, 1, 2])
ClaimArguments = tuple[int, tuple[int, int, int, int], list[bytes]]


def recipient_of(entry: int) -> str:
    """The wallet in an entry word."""
    return str(to_checksum_address((entry >> 96).to_bytes(20, "big")))


# The number of each wallet's key.
WALLETS = {person(number): number for number in range(300, 300 + 8 * PUBLISHERS_MAX)}


class Publishers(Stage):
    """Rules of publishers, of keepers and of strangers who pay for them."""

    def tree_of(self, age: int) -> Draft:
        return self.finals[max(0, len(self.finals) - 1 - age)]

    def arguments(self, draft: Draft, which: int, how: str = "") -> ClaimArguments:
        """A claim's arguments, mostly of somebody who is owed something; wrong where `how` says so."""
        owed = [at for at, entry in enumerate(draft.tree.entries) if entry & M64 > self.model.paid.get(at, 0)]
        index = owed[which % len(owed)] if owed and which < PUBLISHERS_MAX else which % len(draft.tree.entries)
        index, entries, proof = claim_arguments(draft.tree, index)
        if how == "alias":
            return index + (4 << draft.tree.depth), entries, proof
        if how == "short":
            return index, entries, proof[:-1]
        if how == "long":
            return index, entries, [*proof, bytes(32)]
        if how == "padding":
            return 4 * draft.tree.groups, (0, 0, 0, 0), draft.tree.claim_proof(0)
        if how == "more":
            return index, (entries[0] + 1, *entries[1:]), proof
        return index, entries, proof

    def refuses_claim(self, arguments: ClaimArguments, to: str, who: str | None) -> str | None:
        """Why a claim to `to` fails, from the proof to the transfer; `who` is what is wrong with who asks for it."""
        index, entries, proof = arguments
        entry = entries[index & 3]
        refusal = self.model.refuses_node(fold(index, entries, proof)) or who
        refusal = refusal or self.model.refuses_payment(index, entry, to)
        return refusal or self.book.refusal(self.payout, to, self.due(index, entry))

    def due(self, index: int, entry: int) -> int:
        return (entry & M64) - self.model.paid.get(index, 0)

    def pay(self, index: int, amount: int) -> None:
        self.model.paid[index] = self.model.paid.get(index, 0) + amount

    def claim_with(
        self,
        function: str,
        arguments: ClaimArguments,
        extra: tuple[object, ...],
        to: str,
        sender: str,
        early: str | None = None,
        who: str | None = None,
    ) -> bool:
        """Any single claim. `early` is what is refused before the proof, `who` between the proof and the payment."""
        index, entries, _ = arguments
        amount = self.due(index, entries[index & 3])
        refusal = early or self.refuses_claim(arguments, to, who)
        done = self.act(
            "payout",
            function,
            *(*arguments, *extra),
            sender=sender,
            reason=refusal,
            effect=lambda: self.pay(index, amount),
            moves=[(self.payout, to, amount)],
        )
        assert refusal is not None or done.number == amount
        return refusal is None

    @turn(
        4,
        when=has_final,
        index=INDEX,
        age=AGE,
        how=st.sampled_from(["", "", "", "", "alias", "short", "long", "padding", "more"]),
    )
    def claim(self, index: int, age: int, how: str) -> None:
        """L5, L17, L18, L21: a stranger calls, the leaf's recipient is paid; only a leaf of the live root counts."""
        arguments = self.arguments(self.tree_of(age), index, how)
        entry = arguments[1][arguments[0] & 3]
        self.check_claimable(arguments, entry)
        self.claim_with("claim", arguments, (), recipient_of(entry), STRANGER)

    def check_claimable(self, arguments: ClaimArguments, entry: int) -> None:
        """L5: the view foretells the claim."""
        node = fold(*arguments)
        if node is not None:
            is_good = self.model.refuses_node(node) is None and entry & M96 <= M64
            due = max(0, self.due(arguments[0], entry)) if is_good else 0
            assert self.pair.payout.claimable(*arguments) == due

    @turn(
        2,
        when=has_final,
        index=INDEX,
        age=AGE,
        to=st.sampled_from([ELSEWHERE, ELSEWHERE, ZERO, "payout", "escrow"]),
        is_recipient=st.sampled_from([True, True, False]),
    )
    def claim_to(self, index: int, age: int, to: str, is_recipient: bool) -> None:
        """L6, L21: only the recipient sends its money elsewhere."""
        arguments = self.arguments(self.tree_of(age), index)
        recipient = recipient_of(arguments[1][arguments[0] & 3])
        target = {"payout": self.payout, "escrow": self.escrow}.get(to, to)
        sender = recipient if is_recipient and recipient in WALLETS else STRANGER
        who = None if sender == recipient else "auth"
        self.claim_with("claim_to", arguments, (target,), target, sender, who=who)

    @turn(
        3,
        when=has_final,
        index=INDEX,
        age=AGE,
        how=st.sampled_from(["good", "good", "good", "twice", "stranger's", "expired", "other nonce", "other target"]),
        form=st.sampled_from(["long", "compact"]),
    )
    def claim_to_with_sig(self, index: int, age: int, how: str, form: str) -> None:
        """L12, L21: the recipient's signature names index, account, nonce and deadline, and works once."""
        arguments = self.arguments(self.tree_of(age), index)
        at, entry = arguments[0], arguments[1][arguments[0] & 3]
        nonce = self.model.nonces.get(at, 0)
        deadline = now() - 1 if how == "expired" else now()
        signed_to = KEEPER if how == "other target" else ELSEWHERE
        message = {"index": at, "to": signed_to, "nonce": nonce + (how == "other nonce"), "deadline": deadline}
        signature = self.claim_signature(entry, message, how, form)
        for attempt in range(2 if how == "twice" else 1):
            is_good = how in ("good", "twice") and attempt == 0 and recipient_of(entry) in WALLETS
            reasons = ("expired" if how == "expired" else None, None if is_good else "signer")
            extra = (ELSEWHERE, deadline, signature)
            if not self.claim_with("claim_to_with_sig", arguments, extra, ELSEWHERE, STRANGER, *reasons):
                return
            self.model.nonces[at] = nonce + 1

    def claim_signature(self, entry: int, message: dict[str, object], how: str, form: str) -> bytes:
        signer = account(77 if how == "stranger's" else WALLETS.get(recipient_of(entry), 77))
        v, r, s = sign(signer, self.pair.payout_domain, "ClaimTo", CLAIM_FIELDS, message)
        if form == "long":
            return r + s + bytes([v])
        return r + (int.from_bytes(s, "big") | (v - 27) << 255).to_bytes(32, "big")

    # --- many at once

    @turn(
        4,
        when=has_final,
        start=st.integers(0, 2),
        groups=st.integers(1, 3),
        age=AGE,
        how=st.sampled_from(["", "", "", "ragged", "long proof", "more"]),
    )
    def pay_range(self, start: int, groups: int, age: int, how: str) -> None:
        """L5, L6, L7, L17, L18: who cannot be paid is skipped and keeps the claim; a second time moves nothing."""
        if self.book.burner:
            self.pay_range_with_little_gas(GAS_MAX)
            return
        draft = self.tree_of(age)
        first, depth, entries, proof = self.range_of(draft, start, groups)
        node_refusal = self.model.refuses_node(draft.root)
        if how == "ragged":
            entries, node_refusal = entries[:-1], "entries"
        elif how == "long proof":
            proof, node_refusal = [*proof, bytes(32)], "proof"
        elif how == "more":
            entries = [entries[0] + 1, *entries[1:]]
            node_refusal = "paused" if self.model.payout_pause.running else "proof"
        moves = [] if node_refusal else self.plan(first, entries)
        done = self.act(
            "payout",
            "pay_range",
            *(first, depth, entries, proof),
            sender=KEEPER,
            reason=node_refusal,
            moves=moves,
        )
        assert done.reason is not None or done.number == sum(amount for _, _, amount in moves)

    def range_of(self, draft: Draft, start: int, groups: int) -> tuple[int, int, list[int], list[bytes]]:
        start %= draft.tree.groups
        return range_arguments(draft.tree, start, min(groups, draft.tree.groups - start))

    def plan(self, first: int, entries: list[int]) -> list[tuple[str, str, int]]:
        """Pays in the model whoever can be paid, in order. Returns the transfers."""
        moves, left = [], self.book.balances[self.payout]
        for offset, entry in enumerate(entries):
            index, to = 4 * first + offset, recipient_of(entry)
            amount = (entry & M96) - self.model.paid.get(index, 0)
            if amount <= 0:
                continue
            is_refused = to in self.model.nobodies or self.book.refusal(self.payout, to, amount)
            if entry & M96 > M64 or amount > left or is_refused:
                self.count("pay_range skips", None)
                continue
            left -= amount
            self.pay(index, amount)
            moves.append((self.payout, to, amount))
        return moves

    @turn(when=has_final, gas=st.integers(20_000, 400_000))
    def pay_range_with_little_gas(self, gas: int) -> None:
        """L7: whatever gas is given, what is recorded as paid is what the recipients got, all of it or nothing."""
        if self.callback:
            return
        draft = self.finals[-1]
        first, depth, entries, proof = self.range_of(draft, 0, 3)
        held = {to: self.pair.balance(to) for to in {recipient_of(entry) for entry in entries}}
        done = send(self.pair.payout, "pay_range", first, depth, entries, proof, gas=gas)
        self.count("pay_range_with_little_gas", done.reason)
        if done.reason is not None:
            return
        total = 0
        for index, entry in enumerate(entries):
            before, after = self.model.paid.get(index, 0), self.pair.payout.paid(index)
            assert after in (before, entry & M64)
            total += after - before
            if after > before:
                self.pay(index, after - before)
                self.book.move(self.payout, recipient_of(entry), after - before)
        assert done.number == total
        assert all(self.pair.balance(to) == self.book.balances[to] for to in held)

    @turn(when=lambda self: WHIM_CALLBACK not in self.kind.whims and has_final(self))
    def pay_everybody_twice(self) -> None:
        """L5, L6: paying the same range again moves nothing."""
        self.pay_range(0, 3, 0, "")
        again = self.model.fork()
        self.pay_range(0, 3, 0, "")
        assert again.paid == self.model.paid
