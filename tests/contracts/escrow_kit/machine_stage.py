"""Where everybody meets: the deployed pair, the model beside it, and the one way in which a call is made and judged."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeVar

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from escrow_kit.machine_model import ZERO, Budget, Draft, Model, Proposal, now
from escrow_kit.pair import META, USDC, Pair, deploy_pair, role
from escrow_kit.tokens import WHIM_CALLBACK, WORDLESS, TokenBook, TokenKind

# EIP-7825: no transaction gets more, so whatever succeeds here fits a transaction (L22).
GAS_MAX = 2**24

PUBLISHERS_MAX = 10
Move = tuple[str, str, int]

person = cache(role)
ADVERTISERS = (person(5), person(20))
PAYER, STRANGER, KEEPER, ELSEWHERE = person(7), person(8), person(9), person(25)
PAYER_KEY = 7


Turn = tuple[str, dict[str, object]]
Method = TypeVar("Method", bound=Callable[..., object])


def always(_: "Stage") -> bool:
    """A turn that may come at any time."""
    return True


def has_final(stage: "Stage") -> bool:
    """Whether an epoch is final, so that there is something to claim."""
    return stage.model.final is not None


@dataclass(frozen=True)
class Chance:
    """How often a turn comes, when it may, and what is drawn for it."""

    weight: int
    when: Callable[[Any], Any]
    arguments: dict[str, st.SearchStrategy[Any]]


def turn(
    weight: int = 1, when: Callable[[Any], Any] = always, **arguments: st.SearchStrategy[Any]
) -> Callable[[Method], Method]:
    """Marks what somebody may do. Hypothesis leaves out rules at random, run by run: a rule is a whole role here, and
    the turns of a role are drawn by weight, so that short runs reach deep states too."""

    def mark(method: Method) -> Method:
        method.chance = Chance(weight, when, arguments)  # type: ignore[attr-defined]
        return method

    return mark


def turns_of(*roles: tuple[type, int], only: Collection[str] | None = None) -> st.SearchStrategy[Turn]:
    """Draws a turn of some roles, each with its weight: the method's name and its arguments."""
    chances = {name: method.chance for role, _ in roles for name, method in chances_of(role).items()}
    names = [name for role, times in roles for name in chances_of(role) for _ in range(times * chances[name].weight)]
    return st.sampled_from([name for name in names if only is None or name in only]).flatmap(
        lambda name: st.tuples(st.just(name), st.fixed_dictionaries(chances[name].arguments))
    )


def chances_of(role: type) -> dict[str, Any]:
    """The methods of one role that are turns."""
    return {name: method for name, method in vars(role).items() if hasattr(method, "chance")}


@dataclass(frozen=True)
class Outcome:
    """What a call came to: `reason` is None when it succeeded, WORDLESS when it reverted without one."""

    reason: str | None
    output: bytes

    @property
    def number(self) -> int:
        return int.from_bytes(self.output[:32], "big")


@dataclass
class Callback:
    """What the token calls in the middle of a transfer."""

    contract: str
    locked: bool
    refusal: Callable[[], str | None]
    effect: Callable[[], object]


def send(contract: Any, function: str, *arguments: object, sender: str = KEEPER, gas: int = GAS_MAX) -> Outcome:
    """One transaction, read as a wallet reads it: the return data or the reason of the revert."""
    data = getattr(contract, function).prepare_calldata(*arguments)
    # A transaction starts with cold accounts and slots; titanoboa would keep those of earlier calls warm.
    boa.env.evm.vm.state._account_db._journal_accessed_state.clear()
    done = boa.env.execute_code(
        to_address=contract.address, sender=sender, gas=gas, data=data, contract=contract, ir_executor=None
    )
    output = bytes(done.output)
    if not done.is_error:
        return Outcome(None, output)
    has_words = output[:4] == bytes.fromhex("08c379a0")
    return Outcome(output[68 : 68 + int.from_bytes(output[36:68], "big")].decode() if has_words else WORDLESS, b"")


class Stage(RuleBasedStateMachine):
    """State that the rules share. `kind` is chosen by a subclass; `tally` counts what calls came to."""

    kind: ClassVar[TokenKind]
    tally: ClassVar[Counter[tuple[str, str]]]
    deployed: ClassVar[Pair | None] = None

    @initialize()
    def open_the_stage(self) -> None:
        self.pair = self.deploy_once()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.escrow, self.payout = str(self.pair.escrow.address), str(self.pair.payout.address)
        self.token = str(self.pair.token.address)
        self.book, self.model = TokenBook(self.kind), Model((ZERO, self.escrow, self.payout))
        self.model.last_active_at = self.pair.escrow.last_active_at()
        self.gifts = {self.escrow: 0, self.payout: 0}
        # What publishers are owed by right, whatever a wrong tree says: (wallet, cumulative) by index; of the last
        # final epoch, and of every root that was ever drawn up.
        self.earned: list[tuple[str, int]] = []
        self.promised: dict[bytes, list[tuple[str, int]]] = {}
        self.finals: list[Draft] = []
        self.dead: list[tuple[Proposal, list[bytes]]] = []
        self.sigs: list[bytes] = []
        self.removed: list[Any] = []
        self.escaped = False
        self.callback: Callback | None = None
        self.intrusions = self.steps = 0
        owners = [ADVERTISERS[0], ADVERTISERS[1], self.token if self.calls_back else ADVERTISERS[0]]
        for owner, amount in zip(owners, (5 * USDC, 7, 2**40), strict=True):
            self.fund(PAYER, amount)
            self.open_now(owner, amount)

    @classmethod
    def deploy_once(cls) -> Pair:
        """The pair of this machine; deployed again only where somebody's anchor has undone it."""
        if cls.deployed is None or not boa.env.get_code(cls.deployed.escrow.address):
            cls.deployed = deploy_pair(cls.kind.deploy())
        return cls.deployed

    @property
    def calls_back(self) -> bool:
        return WHIM_CALLBACK in self.kind.whims

    def teardown(self) -> None:
        if not hasattr(self, "anchor"):
            return
        try:
            self.check_the_end()
        finally:
            self.anchor.__exit__(None, None, None)

    def check_the_end(self) -> None:
        """What is too dear to look at after every step."""
        self.check_all_balances()

    def check_all_balances(self) -> None:
        """L5, L6, L16: whoever was paid, by whatever way and order, holds exactly that, and no token left unseen."""
        if not hasattr(self, "steps"):
            return  # the stage itself failed to open
        for who, amount in self.book.balances.items():
            assert self.pair.balance(who) == amount, who
        assert sum(self.book.balances.values()) + self.book.burnt == self.book.supply

    def play(self, chosen: Turn) -> None:
        """Does what was drawn, if it is possible now."""
        name, arguments = chosen
        method = getattr(self, name)
        if method.chance.when(self):
            self.count(f"turn: {name}", None)
            method(**arguments)

    # --- calls

    def act(
        self,
        contract: str,
        function: str,
        *arguments: object,
        sender: str,
        reason: str | None,
        effect: Callable[[], object] = lambda: None,
        moves: Sequence[Move] = (),
    ) -> Outcome:
        """Makes a call that must end as `reason` says; `effect` and `moves` are what it then does to the model."""
        done = send(getattr(self.pair, contract), function, *arguments, sender=sender)
        assert done.reason == reason, f"{function}: {done.reason!r}, not {reason!r}"
        self.count(function, reason)
        if reason is None:
            effect()
            self.transfer(contract, moves)
        return done

    def count(self, what: str, reason: str | None) -> None:
        self.tally[what, reason or "done"] += 1

    def transfer(self, contract: str, moves: Sequence[Move]) -> None:
        """L23: books transfers that a call to `contract` caused, and what the token did in the middle of each."""
        for payer, to, amount in moves:
            called, self.callback = self.callback, None
            if called and not (called.locked and called.contract == contract) and called.refusal() is None:
                called.effect()
                self.intrusions += 1
                self.count("call back", None)
            elif called:
                self.callback = called
                self.count("call back", "refused")
            self.book.move(payer, to, amount)

    def on_token(self, function: str, *arguments: object, sender: str = KEEPER) -> None:
        """A call of the token that must succeed."""
        done = send(self.pair.token, function, *arguments, sender=sender)
        assert done.reason is None, f"{function}: {done.reason!r}"

    # --- money of the people

    def fund(self, who: str, amount: int, allowed: int | None = None) -> None:
        """Gives an account tokens, unless the token bars it, and lets the escrow take `allowed`, by default all."""
        if who not in self.book.barred:
            self.on_token("mint", who, amount)
            self.book.mint(who, amount)
        self.allow(who, amount if allowed is None else allowed)

    def allow(self, who: str, amount: int) -> None:
        self.on_token("approve", self.escrow, amount, sender=who)
        self.book.allowed[who] = amount

    def refuses_pull(self, payer: str, amount: int) -> str | None:
        """L8: why a deposit fails on the token's side; what arrives must be what is credited."""
        refusal = self.book.pull_refusal(payer, self.escrow, amount)
        return refusal or ("received" if self.book.fee(amount) else None)

    def pulled(self, payer: str, amount: int) -> list[Move]:
        if self.kind.allowances:
            self.book.spend(payer, amount)
        return [(payer, self.escrow, amount)]

    def open_now(self, owner: str, amount: int) -> None:
        """A campaign, paid for by PAYER from what it has approved."""
        refusal = self.model.refuses_opening(amount, owner) or self.refuses_pull(PAYER, amount)
        moves = [] if refusal else self.pulled(PAYER, amount)
        done = self.act(
            "escrow",
            "open_campaign",
            *(owner, amount, META),
            sender=PAYER,
            reason=refusal,
            effect=lambda: self.model.budgets.append(Budget(owner, amount)),
            moves=moves,
        )
        if refusal is None:
            assert done.number == len(self.model.budgets) - 1

    def wait(self, seconds: int) -> None:
        boa.env.time_travel(seconds=seconds)

    def wait_until(self, moment: int) -> None:
        self.wait(max(0, moment - now()))
