"""A deployed pair of contracts in titanoboa's chain, with the people who use it and short ways to do what they do."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boa
from eth_account.signers.local import LocalAccount

from backend.settlement.tree import Tree, build_tree, debits_hash, encode_debits, encode_entry
from escrow_kit.builds import BUILDS, chosen_build, deploying
from escrow_kit.signing import account, domain, quorum

# `python -m scripts.mutants` points this at a copy with a fault in it.
CONTRACTS = Path(os.environ.get("SIGHTLINE_CONTRACTS", Path(__file__).resolve().parents[3] / "contracts"))
UNLIMITED = 2**256 - 1
USDC = 1_000_000
NO_ROOT = bytes(32)
RULESET = bytes([2]) * 32
DATA_HASH = bytes([3]) * 32
META = bytes([4]) * 32

FEE_BPS = 250
FEE_BPS_MAX = 2_000
WINDOW = 3_600
NOTICE = 7_200
TIMELOCK = 30_000
ESCAPE = 20_000
THRESHOLD = 2

TERMS = (THRESHOLD, FEE_BPS, FEE_BPS_MAX, WINDOW, NOTICE, TIMELOCK, ESCAPE)

OPERATOR, GUARDIAN, ATTESTOR_ADD, ATTESTOR_REMOVE, THRESHOLD_KIND, FEE, WINDOW_KIND, NOTICE_KIND, TREASURY = range(
    1, 10
)


def source(name: str, build: str | None = None) -> Any:
    """A compiled contract by its path under contracts/, as `build` or as the build under test."""
    return _compiled(name, build or chosen_build())


@cache
def _compiled(name: str, build: str) -> Any:
    return boa.load_partial(str(CONTRACTS / name), compiler_args=BUILDS[build])


def payout_code(build: str | None = None) -> bytes:
    code: bytes = source("PublisherPayout.vy", build).compiler_data.bytecode
    return code


def role(number: int) -> str:
    """An address that stands for a role; its key is `account(number)`."""
    return str(account(number).address)


@dataclass(frozen=True)
class Settlement:
    """What one epoch proposes: the tree of all publishers and the debits of the epoch."""

    tree: Tree
    words: tuple[int, ...]
    total: int
    publishers: int

    @property
    def root(self) -> bytes:
        return self.tree.root

    @property
    def terms(self) -> tuple[bytes, bytes, int, int, bytes, bytes]:
        """The arguments of `propose` before the signatures."""
        return self.root, debits_hash(self.words), self.total, self.publishers, RULESET, DATA_HASH


def settlement(earned: Sequence[tuple[str, int]], debits: dict[int, int]) -> Settlement:
    """Settlement of cumulative earnings by publisher index and of debits by campaign, in micro-USDC."""
    tree = build_tree([encode_entry(recipient, cumulative) for recipient, cumulative in earned])
    return Settlement(tree, tuple(encode_debits(debits)), sum(debits.values()), len(earned))


@dataclass
class Pair:
    """The escrow, its payout contract, the token, and the keys of the roles."""

    token: Any
    escrow: Any
    payout: Any
    attestors: list[LocalAccount]
    owner: str = role(1)
    operator: str = role(2)
    guardian: str = role(3)
    treasury: str = role(4)
    advertiser: str = role(5)
    publisher: str = role(6)
    stranger: str = role(7)
    active_at: int = 0
    proposed: Settlement | None = field(default=None)

    @property
    def domain(self) -> dict[str, object]:
        return domain("CampaignEscrow", "1", boa.env.evm.patch.chain_id, str(self.escrow.address))

    @property
    def payout_domain(self) -> dict[str, object]:
        return domain("PublisherPayout", "1", boa.env.evm.patch.chain_id, str(self.payout.address))

    def open(self, amount: int = 100 * USDC, owner: str | None = None) -> int:
        """A campaign of the advertiser with a first deposit; its id."""
        who = owner or self.advertiser
        self.token.mint(who, amount)
        self.token.approve(self.escrow, UNLIMITED, sender=who)
        campaign: int = self.escrow.open_campaign(who, amount, META, sender=who)
        return campaign

    def message(self, what: Settlement, **changes: object) -> dict[str, object]:
        """The fields that attestors of the next epoch sign; `changes` replace some."""
        root, words_hash, total, publishers, ruleset, data_hash = what.terms
        fields: dict[str, object] = {
            "epoch": self.escrow.epoch() + 1,
            "attempt": self.escrow.attempt(),
            "prevRoot": self.escrow.last_root(),
            "publishersRoot": root,
            "debitsHash": words_hash,
            "totalDebit": total,
            "publishers": publishers,
            "rulesetHash": ruleset,
            "dataHash": data_hash,
        }
        return fields | changes

    def sigs(self, what: Settlement, signers: Sequence[LocalAccount] | None = None, **changes: object) -> list[bytes]:
        """Signatures of the quorum, or of `signers`."""
        chosen = self.attestors[:THRESHOLD] if signers is None else signers
        return quorum(chosen, self.domain, self.message(what, **changes))

    def propose(self, what: Settlement) -> None:
        """Proposes the next epoch, attested by the quorum."""
        sigs = self.sigs(what)
        active_at = boa.env.timestamp + self.escrow.window()
        self.escrow.propose(*what.terms, sigs, sender=self.operator)
        self.active_at, self.proposed = active_at, what

    def finalize(self, sender: str | None = None) -> None:
        """Makes the proposal final; the caller has let the window pass."""
        assert self.proposed is not None
        what = self.proposed
        self.escrow.finalize(what.root, what.total, self.active_at, what.words, sender=sender or self.stranger)

    def settle(self, what: Settlement) -> None:
        """Proposes, waits and finalises."""
        self.propose(what)
        self.pass_window()
        self.finalize()

    def pass_window(self) -> None:
        boa.env.time_travel(seconds=self.escrow.window())

    def claim(self, what: Settlement, index: int, sender: str | None = None) -> int:
        """Pays publisher `index` from the tree of `what`."""
        amount: int = self.payout.claim(*claim_arguments(what.tree, index), sender=sender or self.stranger)
        return amount

    def pay_range(self, what: Settlement, start: int = 0, groups: int | None = None, **options: int) -> int:
        """Pays neighbouring groups, by default all."""
        count = what.tree.groups - start if groups is None else groups
        paid: int = self.payout.pay_range(*range_arguments(what.tree, start, count), sender=self.stranger, **options)
        return paid

    def configure(self, kind: int, value: bytes) -> None:
        """Announces a change, waits and applies it."""
        self.escrow.propose_config(kind, value, sender=self.owner)
        boa.env.time_travel(seconds=self.escrow.timelock())
        self.escrow.apply_config(kind, value, sender=self.owner)

    def balance(self, who: Any) -> int:
        amount: int = self.token.balanceOf(who)
        return amount


def claim_arguments(tree: Tree, index: int) -> tuple[int, tuple[int, int, int, int], list[bytes]]:
    return index, tree.group(index), tree.claim_proof(index)


def range_arguments(tree: Tree, start: int, groups: int) -> tuple[int, int, list[int], list[bytes]]:
    words = list(tree.entries[4 * start : 4 * (start + groups)])
    return start, tree.depth, words, tree.range_proof(start, groups)


def word(value: int | str) -> bytes:
    """A number or an address as the right-aligned word of a configuration change."""
    number = int(value, 16) if isinstance(value, str) else value
    return number.to_bytes(32, "big")


def deploy_escrow(
    token: Any,
    roles: tuple[str, str, str, str] | None = None,
    attestors: Sequence[str] | None = None,
    terms: tuple[int, ...] = TERMS,
    code: bytes | None = None,
    build: str | None = None,
) -> Any:
    """An escrow by a stranger's hand, with any argument replaced."""
    with deploying(build or chosen_build()):
        return source("CampaignEscrow.vy", build).deploy(
            token,
            payout_code(build) if code is None else code,
            roles or (role(1), role(2), role(3), role(4)),
            [role(number) for number in (11, 12, 13)] if attestors is None else list(attestors),
            terms,
        )


def deploy_pair(token: Any = None, terms: tuple[int, ...] = TERMS, build: str | None = None) -> Pair:
    """A fresh pair over MockUSDC, or over `token`, with three attestors."""
    coin = source("testing/MockUSDC.vy", build).deploy() if token is None else token
    escrow = deploy_escrow(coin, terms=terms, build=build)
    with deploying(build or chosen_build()):
        payout = source("PublisherPayout.vy", build).at(escrow.payout())
    return Pair(coin, escrow, payout, [account(number) for number in (11, 12, 13)])
