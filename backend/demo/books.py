"""The demo's last page: totals read from the chain, and the laws that must hold between them and everything else."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from eth_typing import BlockNumber
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from backend.demo.chain import Chain
from backend.demo.traffic import Diary
from backend.demo.visit import EXPECTED_REASON


@dataclass(frozen=True, slots=True)
class ChainTotals:
    """Everything at one block, micro-USDC. Each figure has a source of its own, so that their sum proves something.

    Deposited and withdrawn are sums of logs; remaining, fee and paid are the contracts' storage; unclaimed is the
    token balance of the payout contract, and `escrow_balance` that of the escrow.
    """

    chain_id: int
    block: int
    epochs_finalised: int
    epochs_vetoed: int
    deposited: int
    withdrawn: int
    remaining: int
    fee: int
    fees_withdrawn: int
    paid: int
    unclaimed: int
    escrow_balance: int
    debited: int

    @property
    def conserved(self) -> bool:
        """L38, L1."""
        parts = self.withdrawn + self.remaining + self.fee + self.paid + self.unclaimed
        return self.deposited == parts and self.escrow_balance == self.remaining + self.fee - self.fees_withdrawn


def read_totals(chain: Chain, publishers: int) -> ChainTotals:
    """Totals at the newest block; `publishers` is how many places of the settlement tree are used."""
    block = chain.head
    escrow, payout, token = chain.escrow.functions, chain.payout.functions, chain.token.functions
    campaigns = range(_call(escrow.campaign_count(), block))
    fees_withdrawn = _total(chain, chain.escrow, "FeesWithdrawn", block)
    return ChainTotals(
        chain_id=chain.chain_id,
        block=block,
        epochs_finalised=_call(escrow.epoch(), block),
        epochs_vetoed=len(chain.logs(chain.escrow, "Vetoed", block)),
        deposited=sum(_total(chain, chain.escrow, event, block) for event in ("CampaignOpened", "Deposited")),
        withdrawn=_total(chain, chain.escrow, "Withdrawn", block),
        remaining=sum(_call(escrow.remaining(i), block) + _call(escrow.reservation(i), block) for i in campaigns),
        fee=_call(escrow.fees(), block) + fees_withdrawn,
        fees_withdrawn=fees_withdrawn,
        paid=sum(_call(payout.paid(index), block) for index in range(publishers)),
        unclaimed=_call(token.balanceOf(chain.payout.address), block),
        escrow_balance=_call(token.balanceOf(chain.escrow.address), block),
        debited=debited(chain, block),
    )


def debited(chain: Chain, up_to: int | None = None) -> int:
    """Micro-USDC of all final epochs."""
    return sum(int(log["total"]) for log in chain.logs(chain.escrow, "Finalized", up_to))


def _call(call: ContractFunction, block: int) -> int:
    """A view's number as of a block; of several, the first (a reservation's amount)."""
    answer = call.call(block_identifier=BlockNumber(block))
    return int(answer[0] if isinstance(answer, list | tuple) else answer)


def _total(chain: Chain, contract: Contract, event: str, block: int) -> int:
    return sum(int(log["amount"]) for log in chain.logs(contract, event, block))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything the demo is judged by."""

    totals: ChainTotals
    diary: Diary
    viewable_impressions: int
    clicks: int
    dropped: Mapping[str, int]
    charged: int
    unsettled: int
    charged_events: Set[str]
    reorgs_survived: int
    claimed: int
    verified_epochs: int
    rebuild_identical: bool
    seconds: float
    memory_bytes: int

    def as_json(self) -> dict[str, object]:
        """The report of `sightline demo --once --json`."""
        totals = self.totals
        return {
            "chain_id": totals.chain_id,
            "epochs_finalised": totals.epochs_finalised,
            "epochs_vetoed": totals.epochs_vetoed,
            "reorgs_survived": self.reorgs_survived,
            "decisions": self.diary.decisions,
            "viewable_impressions": self.viewable_impressions,
            "clicks": self.clicks,
            "dropped": dict(self.dropped),
            "deposited_micro_usdc": totals.deposited,
            "withdrawn_micro_usdc": totals.withdrawn,
            "remaining_micro_usdc": totals.remaining,
            "charged_micro_usdc": self.charged,
            "fee_micro_usdc": totals.fee,
            "paid_micro_usdc": totals.paid,
            "unclaimed_micro_usdc": totals.unclaimed,
            "conserved": totals.conserved,
            "rebuild_identical": self.rebuild_identical,
            "seconds": round(self.seconds, 1),
        }


EPOCHS_MIN = 3


def laws(outcome: Outcome) -> dict[str, bool]:
    """Each law in words, and whether it holds."""
    totals, diary = outcome.totals, outcome.diary
    stored = outcome.viewable_impressions + outcome.clicks + sum(outcome.dropped.values())
    return {
        "deposited = withdrawn + remaining + fee + paid + unclaimed (L38)": totals.conserved,
        "charged in the ledger = debited on chain + not settled yet (L34)": (
            outcome.charged == totals.debited + outcome.unsettled
        ),
        "every kind of misuse was seen and refused (L26)": (
            set(map(str, EXPECTED_REASON.values())) <= {reason for reason, n in outcome.dropped.items() if n}
        ),
        "every event that was acknowledged is stored, none twice (L25)": (
            stored == diary.acknowledged if not diary.unanswered else stored >= diary.acknowledged
        ),
        "only what honest viewers saw was charged, once each (L24, L27, L28)": (
            outcome.charged_events <= diary.chargeable
        ),
        "something was charged": outcome.charged > 0 and len(outcome.charged_events) > 0,
        f"at least {EPOCHS_MIN} epochs are final": totals.epochs_finalised >= EPOCHS_MIN,
        "a veto stopped a proposal (L10)": totals.epochs_vetoed >= 1,
        "a reorganisation was survived (L41)": outcome.reorgs_survived >= 1,
        "an advertiser withdrew (L14)": totals.withdrawn > 0,
        "a publisher claimed by hand (L21)": outcome.claimed > 0,
        "the keeper paid the others": totals.paid > outcome.claimed,
        "every final epoch can be recomputed by a stranger (L35)": outcome.verified_epochs == totals.epochs_finalised,
        "the mirror of the chain can be thrown away (L39)": outcome.rebuild_identical,
    }


def broken(outcome: Outcome) -> list[str]:
    """The laws that do not hold."""
    return [law for law, holds in laws(outcome).items() if not holds]
