"""Operator, attestors and guardian: honest epochs, wrong ones, forged ones, and the vetoes that undo them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eth_account.signers.local import LocalAccount
from hypothesis import strategies as st

from backend.core.keccak import keccak256
from backend.settlement.tree import build_tree, debits_hash, encode_debits, encode_entry
from escrow_kit.machine_model import M56, M64, Draft, Proposal, now
from escrow_kit.machine_stage import KEEPER, PUBLISHERS_MAX, STRANGER, Outcome, Stage, person, turn
from escrow_kit.pair import ESCAPE, NO_ROOT
from escrow_kit.signing import account, quorum
from escrow_kit.tokens import WHIM_CALLBACK

PERCENTS = st.lists(st.integers(0, 100), min_size=7, max_size=7)
SHARES = st.lists(st.integers(0, 100), min_size=1, max_size=PUBLISHERS_MAX)
NEWCOMERS = st.integers(0, 3)
SIGNERS = st.integers(0, 2**16)
FLAWS = (
    "over budget",
    "over cap",
    "wrong total",
    "wrong hash",
    "unordered",
    "inflated",
    "shrunk",
    "reserved bits",
    "lost",
)
# Flaws that the contract finds when the epoch is to become final, with what it says.
FATAL = {
    "over budget": "budget",
    "over cap": "cap",
    "wrong total": "total",
    "wrong hash": "pending",
    "unordered": "order",
}
FLAW = st.sampled_from(("",) * 12 + FLAWS)
OTHERS: dict[str, dict[str, object]] = {
    "other epoch": {"epoch": 2**40},
    "other attempt": {"attempt": 2**20},
    "other previous root": {"prevRoot": bytes([9]) * 32},
    "other root": {"publishersRoot": bytes([9]) * 32},
    "other debits": {"debitsHash": bytes([9]) * 32},
    "other total": {"totalDebit": 2**50},
    "other publishers": {"publishers": 99},
    "other ruleset": {"rulesetHash": bytes([9]) * 32},
    "other data": {"dataHash": bytes([9]) * 32},
}
FORGERIES = (
    *("nobody", "one too few", "half a pair", "one twice", "descending", "a stranger", "a removed one", "zero"),
    *("high s", "other chain", "other contract", *OTHERS),
)
S_TOO_HIGH = (2**255 - 1).to_bytes(32, "big")


def recomputed_root(entries: Sequence[int]) -> bytes:
    """L19: the root from the top down, written apart from the builder."""
    groups = [b"".join(word.to_bytes(32, "big") for word in entries[at : at + 4]) for at in range(0, len(entries), 4)]

    def climb(first: int, width: int) -> bytes:
        if width == 1:
            return keccak256(groups[first]) if first < len(groups) else NO_ROOT
        return keccak256(climb(first, width // 2) + climb(first + width // 2, width // 2))

    return climb(0, 1 << (len(groups) - 1).bit_length())


def spoil_entries(words: list[int], flaw: str, lost: str) -> list[int]:
    """Entry words with the last one made wrong, where `flaw` is of that sort; `lost` is an account not to pay."""
    cumulative = words[-1] & M64
    if flaw == "inflated":
        words[-1] += 10**12
    elif flaw == "shrunk":
        words[-1] -= cumulative // 2 + cumulative % 2
    elif flaw == "reserved bits":
        words[-1] |= 1 << 70
    elif flaw == "lost":
        words[-1] = encode_entry(lost, cumulative)
    return words


class Settlers(Stage):
    """Rules of operator, attestors, guardian and whoever finalises."""

    # --- what an epoch says

    def draft(self, percents: list[int], shares: list[int], newcomers: int, flaw: str = "") -> Draft:
        """The next epoch: debits are parts of what is available, earnings grow by the net amount."""
        epoch = self.model.epoch + 1
        budgets = enumerate(zip(self.model.budgets, percents, strict=False))
        debits = {at: min(budget.available(epoch), M56) * percent // 100 for at, (budget, percent) in budgets}
        flaw = self.spoil(debits, epoch, flaw)
        total = sum(debits.values())
        words = encode_debits(debits)
        if flaw == "unordered":
            words = words[::-1] if len(words) > 1 else words * 2
            total = total if len(words) > 1 and words[0] != words[1] else 2 * total
        earned = self.earnings(total - total * self.model.fee_bps_at(epoch) // 10_000, shares, newcomers)
        entries = spoil_entries(
            [encode_entry(who, amount) for who, amount in earned], flaw, self.model.nobodies[total % 3]
        )
        tree = build_tree(entries)
        self.promised[tree.root] = earned
        assert tree.root == recomputed_root(tree.entries)
        signed = [*words, 1 << 224] if flaw == "wrong hash" else words
        total += 1 if flaw == "wrong total" else 0
        return Draft(tree, tuple(words), total, len(entries), words_hash=debits_hash(signed), flaw=flaw)

    def spoil(self, debits: dict[int, int], epoch: int, flaw: str) -> str:
        """Makes the debits wrong where `flaw` asks for it and the campaigns allow it. Returns the flaw that it has."""
        if flaw == "over budget":
            debits[0] = min(self.model.budgets[0].funds(epoch) + 1, M56)
            return flaw if debits[0] <= (self.model.budgets[0].cap_at(epoch) or M56) else "over cap"
        if flaw == "over cap":
            capped = [at for at, budget in enumerate(self.model.budgets) if 0 < budget.cap_at(epoch) < M56]
            for at in capped[:1]:
                debits[at] = self.model.budgets[at].cap_at(epoch) + 1
            return flaw if capped else ""
        if flaw == "unordered" and not any(debits.values()):
            return ""
        return "" if flaw == "inflated" and WHIM_CALLBACK in self.kind.whims else flaw

    def earnings(self, net: int, shares: list[int], newcomers: int) -> list[tuple[str, int]]:
        """(wallet, cumulative) by publisher index; what does not divide goes to index 0. Every fifth epoch all wallets
        are new ones."""
        count = min(PUBLISHERS_MAX, max(1, len(self.earned) + newcomers))
        weights = [shares[index % len(shares)] for index in range(count)]
        gains = [net * weight // (sum(weights) or 1) for weight in weights]
        gains[0] += net - sum(gains)
        before = [amount for _, amount in self.earned] + [0] * count
        wallet = 300 + PUBLISHERS_MAX * (self.model.epoch // 5 % 8)
        return [(person(wallet + index), before[index] + gain) for index, gain in enumerate(gains)]

    def sign(self, draft: Draft, choice: int, **changes: object) -> list[bytes]:
        """Signatures of the quorum or more, of attestors in office; `choice` says which."""
        office = self.model.attestors
        first = choice % len(office)
        count = self.model.threshold + choice // 16 % (len(office) - self.model.threshold + 1)
        return self.pair.sigs(draft, (office[first:] + office[:first])[:count], **changes)

    # --- proposals

    @turn(4, percents=PERCENTS, shares=SHARES, newcomers=NEWCOMERS, flaw=FLAW, choice=SIGNERS)
    def propose(self, percents: list[int], shares: list[int], newcomers: int, flaw: str, choice: int) -> None:
        """L3, L9, L11, L15, L19: attestors in office count, also those that were added."""
        draft = self.draft(percents, shares, newcomers, flaw)
        self.propose_draft(draft, self.sign(draft, choice), self.model.operator)

    def propose_draft(self, draft: Draft, sigs: list[bytes], sender: str, refusal: str | None = None) -> None:
        earlier = "auth" if sender != self.model.operator else self.model.refuses_terms(draft.root, draft.total)
        self.act(
            "escrow",
            "propose",
            *(*draft.terms, sigs),
            sender=sender,
            reason=earlier or refusal,
            effect=lambda: self.enter(draft, sigs),
        )

    def enter(self, draft: Draft, sigs: list[bytes]) -> None:
        self.model.propose(draft)
        self.sigs, self.escaped = sigs, False

    @turn(how=st.sampled_from(["zero root", "same root", "stranger", "owner", "guardian"]), choice=SIGNERS)
    def propose_badly(self, how: str, choice: int) -> None:
        """L11, L17: the zero root, the same root for new money, and proposals of anybody but the operator."""
        draft = self.draft([1] * 7, [1], 0)
        if how == "zero root":
            draft = replace(draft, tree=replace(draft.tree, levels=((NO_ROOT,),)))
        elif how == "same root" and self.model.final and draft.total:
            draft = replace(draft, tree=self.model.final.tree)
        elif "root" in how:
            return
        people = {"stranger": STRANGER, "owner": self.model.owner, "guardian": self.model.guardian}
        sender = people.get(how, self.model.operator)
        if sender == self.model.operator and "root" not in how:
            return
        self.propose_draft(draft, self.sign(draft, choice), sender)

    @turn(4, how=st.sampled_from(FORGERIES), percents=PERCENTS, choice=SIGNERS, rolls=st.booleans())
    def forge(self, how: str, percents: list[int], choice: int, rolls: bool) -> None:
        """L11, L12, L15: operator and M - 1 attestors, and signatures for anything else, settle nothing."""
        if rolls and self.model.pending:
            self.roll_next(percents, [1], 0, "", choice, forgery=how)
            return
        draft = self.draft(percents, [1], 0)
        sigs, refusal = self.forgery(how, draft, {})
        self.propose_draft(draft, sigs, self.model.operator, refusal)
        self.count(f"forged: {how}", self.model.refuses_terms(draft.root, draft.total) or refusal)

    def forgery(self, how: str, draft: Draft, base: dict[str, object]) -> tuple[list[bytes], str]:
        """Signatures that must not count, and the reason; `base` is what honest ones would replace."""
        office, message = self.model.attestors, self.pair.message(draft, **base)
        few = quorum(office[: self.model.threshold - 1], self.pair.domain, message)
        full = office[: self.model.threshold]
        if how in ("nobody", "one too few", "half a pair"):
            return {"nobody": [], "one too few": few, "half a pair": [*self.signed(full, message), NO_ROOT]}[
                how
            ], "sigs"
        if how == "one twice":
            return self.signed(full, message)[:2] * max(2, self.model.threshold), "signer"
        if how == "descending" and len(office) > 1:
            pairs = self.signed(office, message)
            return [word for at in range(len(pairs) - 2, -1, -2) for word in pairs[at : at + 2]], "signer"
        if how == "zero":
            return [NO_ROOT, NO_ROOT, *self.signed(full, message)], "signer"
        if how == "high s":
            return [*self.signed(full, message)[:-1], S_TOO_HIGH], "s"
        if how == "other chain":
            where = self.pair.domain | {"chainId": 1}
        elif how == "other contract":
            where = self.pair.domain | {"verifyingContract": self.payout}
        else:
            where = self.pair.domain
        if where == self.pair.domain and how not in OTHERS:
            outsider = self.removed[-1] if how == "a removed one" and self.removed else account(77)
            return self.signed([*full[:-1], outsider], message), "signer"
        return quorum(full, where, message | OTHERS.get(how, {})), "signer"

    def signed(self, signers: Sequence[LocalAccount], message: dict[str, object]) -> list[bytes]:
        return quorum(signers, self.pair.domain, message)

    @turn(when=lambda self: self.dead, which=st.integers(0, 20))
    def propose_a_dead_one(self, which: int) -> None:
        """L10, L12, L18: vetoed and final proposals with their own good signatures; epoch or attempt has moved on."""
        proposal, sigs = self.dead[which % len(self.dead)]
        enough = len(sigs) >= 2 * self.model.threshold
        self.propose_draft(proposal.draft, sigs, self.model.operator, "signer" if enough else "sigs")

    # --- finality

    @turn(
        5,
        when=lambda self: self.model.pending is not None,
        waits=st.sampled_from([True, True, True, False]),
        sender=st.sampled_from([KEEPER, STRANGER]),
    )
    def finalize(self, waits: bool, sender: str) -> None:
        """L3, L9, L14: after the window an honest proposal settles, whatever advertisers did meanwhile."""
        proposal = self.model.pending
        assert proposal is not None
        if waits:
            self.wait_until(proposal.active_at)
        self.finalize_with(proposal.arguments, sender)

    def finalize_with(self, arguments: tuple[bytes, int, int, tuple[int, ...]], sender: str) -> Outcome:
        proposal, refusal = self.model.pending, self.model.refuses_finality(*arguments)
        self.check_honest(proposal, arguments, refusal)
        refusal = refusal or self.refuses_hand_over(proposal)
        if refusal:
            return self.act("escrow", "finalize", *arguments, sender=sender, reason=refusal)
        assert proposal is not None
        sigs = self.sigs
        net = self.model.take_debits()
        done = self.act("escrow", "finalize", *arguments, sender=sender, reason=None, moves=self.handed_over(net))
        self.bury(proposal, sigs)
        return done

    def check_honest(self, proposal: Proposal | None, arguments: Any, refusal: str | None) -> None:
        """L14: an honest proposal fails for want of money only if the escape took it; a wrong one says what it is."""
        if proposal is None or arguments != proposal.arguments or refusal in (None, "window"):
            return
        expected = FATAL.get(proposal.draft.flaw)
        assert refusal == expected or (self.escaped and refusal in ("budget", "cap")), proposal.draft.flaw

    def refuses_hand_over(self, proposal: Proposal | None) -> str | None:
        assert proposal is not None
        net = proposal.draft.total - proposal.draft.total * proposal.fee_bps // 10_000
        return self.book.refusal(self.escrow, self.payout, net) if net else None

    def handed_over(self, net: int) -> list[tuple[str, str, int]]:
        return [(self.escrow, self.payout, net)] if net else []

    def bury(self, proposal: Proposal, sigs: list[bytes]) -> None:
        """What is final has its root active; its signatures are for a past epoch from now on."""
        draft = proposal.draft
        self.model.set_root(draft)
        self.finals.append(draft)
        self.dead.append((proposal, sigs))
        # The tree of an honest epoch is what everybody was promised.
        self.earned = self.promised[draft.root]

    @turn(2, how=st.sampled_from(["active_at", "root", "total", "words", "a dead one"]), which=st.integers(0, 20))
    def finalize_something_else(self, how: str, which: int) -> None:
        """L9, L10, L18: nothing but what is pending becomes final, and not before the moment fixed when proposed."""
        pool = [self.model.pending] if self.model.pending and how != "a dead one" else [old for old, _ in self.dead]
        if not pool:
            return
        proposal = pool[which % len(pool)]
        assert proposal is not None
        root, total, active_at, words = proposal.arguments
        changed = {
            "active_at": (root, total, min(now(), active_at - 1), words),
            "root": (bytes([5]) * 32, total, active_at, words),
            "total": (root, total + 1, active_at, words),
            "words": (root, total, active_at, words[:-1]),
            "a dead one": proposal.arguments,
        }[how]
        if self.model.refuses_finality(*changed) is not None:
            self.finalize_with(changed, STRANGER)

    @turn(
        3,
        when=lambda self: self.model.pending is None and not self.model.escrow_pause.running,
        percents=PERCENTS,
        shares=SHARES,
        newcomers=NEWCOMERS,
        choice=SIGNERS,
    )
    def settle_an_epoch(self, percents: list[int], shares: list[int], newcomers: int, choice: int) -> None:
        """L3, L9: propose, wait, finalise."""
        self.propose(percents, shares, newcomers, "", choice)
        self.finalize(waits=True, sender=KEEPER)

    @turn(
        4,
        when=lambda self: self.model.pending is not None,
        percents=PERCENTS,
        shares=SHARES,
        newcomers=NEWCOMERS,
        flaw=FLAW,
        choice=SIGNERS,
        waits=st.booleans(),
    )
    def roll(self, percents: list[int], shares: list[int], newcomers: int, flaw: str, choice: int, waits: bool) -> None:
        """L3, L9, L11: the pending epoch becomes final and the next is proposed, or neither."""
        assert self.model.pending is not None
        if waits:
            self.wait_until(self.model.pending.active_at)
        self.roll_next(percents, shares, newcomers, flaw, choice)

    def roll_next(
        self, percents: list[int], shares: list[int], newcomers: int, flaw: str, choice: int, forgery: str = ""
    ) -> None:
        proposal, present, earned, old_sigs = self.model.pending, self.model, self.earned, self.sigs
        assert proposal is not None
        refusal = present.refuses_finality(*proposal.arguments)
        self.check_honest(proposal, proposal.arguments, refusal)
        short = self.refuses_hand_over(proposal) if refusal is None else None
        self.model, net = present.fork(), 0
        if refusal is None:
            net = self.model.take_debits()
            self.model.final = proposal.draft
            self.earned = self.promised[proposal.draft.root]
        draft = self.draft(percents, shares, newcomers, flaw)
        base: dict[str, object] = {"epoch": self.model.epoch + 1, "prevRoot": proposal.draft.root}
        sigs, forged = self.forgery(forgery, draft, base) if forgery else (self.sign(draft, choice, **base), None)
        refusal = refusal or self.model.refuses_terms(draft.root, draft.total) or forged or short
        if refusal is None:
            self.model.final = present.final  # until the money has been handed over
            self.enter(draft, sigs)
        else:
            self.model, self.earned = present, earned
        arguments = (*proposal.arguments, *draft.terms, sigs)
        moves = self.handed_over(net) if refusal is None else []
        self.act("escrow", "roll", *arguments, sender=present.operator, reason=refusal, moves=moves)
        if refusal is None:
            self.bury(proposal, old_sigs)

    # --- guardian

    @turn(
        2,
        when=lambda self: self.model.pending is not None,
        is_wrong_epoch=st.sampled_from([False, False, False, True]),
        is_guardian=st.sampled_from([True, True, False]),
    )
    def veto(self, is_wrong_epoch: bool, is_guardian: bool) -> None:
        """L10: the proposal is dead, and the next one carries another attempt."""
        proposal, sigs = self.model.pending, self.sigs
        assert proposal is not None
        epoch = self.model.epoch + (2 if is_wrong_epoch else 1)
        sender = self.model.guardian if is_guardian else self.model.operator
        refusal = self.model.refuses_veto(epoch, sender)
        self.act("escrow", "veto", epoch, sender=sender, reason=refusal, effect=self.model.veto)
        if refusal is None:
            self.dead.append((proposal, sigs))

    @turn(
        3, when=lambda self: self.model.pending is not None and self.model.pending.draft.flaw in FATAL, choice=SIGNERS
    )
    def recover_from_a_wrong_epoch(self, choice: int) -> None:
        """L10, L18: a proposal that can never become final is vetoed, and a right one takes its place."""
        self.finalize(waits=True, sender=KEEPER)
        if self.model.pending:
            self.veto(is_wrong_epoch=False, is_guardian=True)
        draft = self.draft([10] * 7, [1], 0)
        self.propose_draft(draft, self.sign(draft, choice), self.model.operator)

    @turn(when=lambda self: self.model.epoch > 0)
    def operator_falls_silent(self) -> None:
        """L14: for the escape time."""
        self.wait_until(self.model.last_active_at + ESCAPE)
        self.count("silent operator", None)
