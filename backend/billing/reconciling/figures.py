"""The figures that chain, ledger and Stripe must agree on, and where they do not. Pure; all micro-USDC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """incomplete: nothing differs, but one of the three could not be asked."""

    AGREE = "agree"
    DIFFER = "differ"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class ChainFigures:
    """What the mirror of the chain says. `debited` by chain campaign; `settled` is total less fee of final epochs."""

    debited: Mapping[int, int]
    fees: int
    settled: int
    paid: int
    treasury: int


@dataclass(frozen=True, slots=True)
class LedgerFigures:
    """What our books say of the same. `settled` is nets and dust of final epochs; cards are since the beginning."""

    debited: Mapping[int, int]
    fees: int
    settled: int
    owed: int
    treasury: int
    card_in: int
    card_refund: int
    card_dispute: int
    card_fee: int
    debits: int
    credits: int


@dataclass(frozen=True, slots=True)
class StripeFigures:
    """Sums of Stripe's balance transactions: what came in, went back, was taken by banks, was kept by Stripe."""

    card_in: int
    card_refund: int
    card_dispute: int
    card_fee: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure from two sources. `difference` is left less right, 0 when they agree."""

    name: str
    left: str
    left_micro_usdc: int
    right: str
    right_micro_usdc: int

    @property
    def difference_micro_usdc(self) -> int:
        return self.left_micro_usdc - self.right_micro_usdc


def compare(
    chain: ChainFigures | None, ledger: LedgerFigures, stripe: StripeFigures | None
) -> list[Comparison]:
    """Every figure that at least two of the three know, in the order of money: card, treasury, escrow, publishers."""
    found = [Comparison("entries balance", "debits", ledger.debits, "credits", ledger.credits)]
    if stripe is not None:
        found += [
            Comparison(f"{name} of cards", "Stripe", getattr(stripe, field), "ledger", getattr(ledger, field))
            for name, field in (("payments", "card_in"), ("refunds", "card_refund"), ("disputes", "card_dispute"),
                                ("fees", "card_fee"))
        ]
    if chain is not None:
        found.append(Comparison("card money in the escrow", "chain", chain.treasury, "ledger", ledger.treasury))
        found += [
            Comparison(f"debits of campaign {campaign}", "chain", chain.debited.get(campaign, 0), "ledger",
                       ledger.debited.get(campaign, 0))
            for campaign in sorted(chain.debited.keys() | ledger.debited.keys())
        ]
        found += [
            Comparison("fees of final epochs", "chain", chain.fees, "ledger", ledger.fees),
            Comparison("publishers' share of final epochs", "chain", chain.settled, "ledger", ledger.settled),
            Comparison("paid beyond what was owed", "chain", max(0, chain.paid - ledger.owed), "nothing", 0),
        ]
    return found


def status_of(comparisons: Sequence[Comparison], *, complete: bool) -> Status:
    if any(one.difference_micro_usdc for one in comparisons):
        return Status.DIFFER
    return Status.AGREE if complete else Status.INCOMPLETE


def report(comparisons: Sequence[Comparison], missing: Sequence[str]) -> dict[str, object]:
    """What is stored of a run: all differences, how many figures agreed, who could not be asked."""
    differences = [
        {"name": one.name, one.left: one.left_micro_usdc, one.right: one.right_micro_usdc,
         "difference_micro_usdc": one.difference_micro_usdc}
        for one in comparisons if one.difference_micro_usdc
    ]
    return {"differences": differences, "agreed": len(comparisons) - len(differences), "missing": list(missing)}
