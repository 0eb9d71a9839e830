"""Projections as folds: what each event does to a campaign, an epoch and a publisher, the contracts' own rules again.

Pure: rows in, rows out. A fold over all events of one key gives the same row whether it runs once from the start or
block by block, so a reorganisation is repaired by folding the touched keys again. Amounts are integers in micro-USDC.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from indexer import events as ev
from indexer.calldata import Entry, debits_of, find_debit_words, find_entries

PROPOSED, VETOED, FINALIZED = "proposed", "vetoed", "finalized"


class Contradiction(ValueError):
    """The chain's own facts do not add up for us. Never guess: stop, and let a person look."""


class CalldataMissing(Contradiction):
    """No calldata at hand proves a fact; the inner calls of transaction `tx_hash` may."""

    def __init__(self, message: str, tx_hash: str) -> None:
        super().__init__(message)
        self.tx_hash = tx_hash


class Place(NamedTuple):
    """Where in the chain a fact stands."""

    number: int
    log_index: int
    tx_hash: str
    block_timestamp: int


@dataclass(slots=True)
class Campaign:
    """One campaign's money. Law: remaining + reserved = deposited - withdrawn - debited, none of them negative."""

    campaign: int
    owner: str
    meta: str
    deposited: int
    withdrawn: int
    reserved: int
    reserved_executable_at: int
    reserved_after_epoch: int
    debited: int
    remaining: int
    active: bool
    epoch_cap: int
    epoch_cap_from: int
    opened_number: int


@dataclass(slots=True)
class Epoch:
    """One proposal of one epoch; after a veto the next proposal is another `attempt`."""

    epoch: int
    attempt: int
    status: str
    publishers_root: str
    debits_hash: str
    total: int
    fee: int | None
    publishers: int
    ruleset: str
    data_hash: str
    active_at: int
    proposed_number: int
    proposed_tx: str
    vetoed_number: int | None = None
    vetoed_tx: str | None = None
    finalized_number: int | None = None
    finalized_tx: str | None = None


@dataclass(slots=True)
class Publisher:
    """What one publisher index was paid in all."""

    publisher_index: int
    recipient: str
    paid: int
    last_number: int


Campaigns = dict[int, Campaign]
Epochs = dict[tuple[int, int], Epoch]
Publishers = dict[int, Publisher]
Inputs = Mapping[str, Sequence[bytes]]  # calldata by transaction hash

CampaignFact = (
    ev.CampaignOpened
    | ev.Deposited
    | ev.CampaignActive
    | ev.EpochCapSet
    | ev.WithdrawalRequested
    | ev.WithdrawalCancelled
    | ev.Withdrawn
    | ev.Debited
)
EpochFact = ev.Proposed | ev.Vetoed | ev.Finalized
CAMPAIGN_FACTS: tuple[type[CampaignFact], ...] = CampaignFact.__args__
EPOCH_FACTS: tuple[type[EpochFact], ...] = EpochFact.__args__


# --- campaigns --------------------------------------------------------------------------------------------------


def fold_campaign(campaigns: Campaigns, place: Place, fact: CampaignFact) -> None:
    """Apply one fact to its campaign. Raises Contradiction when the contract could not have emitted it."""
    if isinstance(fact, ev.CampaignOpened):
        if fact.campaign in campaigns:
            raise Contradiction(f"campaign {fact.campaign} opened twice, again in block {place.number}")
        campaigns[fact.campaign] = _opened(fact, place.number)
        return
    campaign = campaigns.get(fact.campaign)
    if campaign is None:
        raise Contradiction(f"{type(fact).__name__} in block {place.number} for unknown campaign {fact.campaign}")
    _CAMPAIGN_RULES[type(fact)](campaign, fact)
    if campaign.remaining < 0 or campaign.reserved < 0:
        raise Contradiction(f"campaign {fact.campaign} goes negative in block {place.number}: {fact}")


def _opened(fact: ev.CampaignOpened, number: int) -> Campaign:
    return Campaign(
        campaign=fact.campaign,
        owner=fact.owner,
        meta=fact.meta,
        deposited=fact.amount,
        withdrawn=0,
        reserved=0,
        reserved_executable_at=0,
        reserved_after_epoch=0,
        debited=0,
        remaining=fact.amount,
        active=True,
        epoch_cap=0,
        epoch_cap_from=0,
        opened_number=number,
    )


def _deposited(campaign: Campaign, fact: ev.Deposited) -> None:
    campaign.deposited += fact.amount
    campaign.remaining += fact.amount


def _active(campaign: Campaign, fact: ev.CampaignActive) -> None:
    campaign.active = fact.active


def _cap_set(campaign: Campaign, fact: ev.EpochCapSet) -> None:
    campaign.epoch_cap, campaign.epoch_cap_from = fact.cap, fact.from_epoch


def _requested(campaign: Campaign, fact: ev.WithdrawalRequested) -> None:
    campaign.remaining -= fact.amount
    campaign.reserved += fact.amount
    campaign.reserved_executable_at = fact.executable_at
    campaign.reserved_after_epoch = fact.after_epoch


def _cancelled(campaign: Campaign, fact: ev.WithdrawalCancelled) -> None:
    campaign.remaining += fact.amount
    _release(campaign, fact.amount)


def _withdrawn(campaign: Campaign, fact: ev.Withdrawn) -> None:
    campaign.withdrawn += fact.amount
    _release(campaign, fact.amount)


def _release(campaign: Campaign, amount: int) -> None:
    """The request ends: all that is left of the reservation goes at once."""
    if amount != campaign.reserved:
        raise Contradiction(f"campaign {campaign.campaign} releases {amount} of a reservation of {campaign.reserved}")
    campaign.reserved = campaign.reserved_executable_at = campaign.reserved_after_epoch = 0


def _debited(campaign: Campaign, fact: ev.Debited) -> None:
    """From `remaining` first; the shortfall from the reservation while the epoch may hold service from before it."""
    shortfall = max(0, fact.amount - campaign.remaining)
    if shortfall and (fact.epoch > campaign.reserved_after_epoch or shortfall > campaign.reserved):
        raise Contradiction(
            f"epoch {fact.epoch} takes {fact.amount} from campaign {campaign.campaign}, beyond its budget"
        )
    campaign.debited += fact.amount
    campaign.remaining -= fact.amount - shortfall
    if shortfall:
        campaign.reserved -= shortfall
    if shortfall and not campaign.reserved:  # used up: the request is over
        campaign.reserved_executable_at = campaign.reserved_after_epoch = 0


_CAMPAIGN_RULES: Mapping[type, Callable[..., None]] = {
    ev.Deposited: _deposited,
    ev.CampaignActive: _active,
    ev.EpochCapSet: _cap_set,
    ev.WithdrawalRequested: _requested,
    ev.WithdrawalCancelled: _cancelled,
    ev.Withdrawn: _withdrawn,
    ev.Debited: _debited,
}


# --- epochs -----------------------------------------------------------------------------------------------------


def fold_epoch(epochs: Epochs, place: Place, fact: EpochFact) -> Epoch:
    """Apply one fact to its epoch and return the proposal it concerns. Raises Contradiction when there is none."""
    if isinstance(fact, ev.Proposed):
        return _proposed(epochs, place, fact)
    if isinstance(fact, ev.Vetoed):
        proposal = _pending(epochs, place, fact.epoch)
        proposal.status, proposal.vetoed_number, proposal.vetoed_tx = VETOED, place.number, place.tx_hash
        return proposal
    proposal = _pending(epochs, place, fact.epoch)
    if (proposal.publishers_root, proposal.total) != (fact.publishers_root, fact.total):
        raise Contradiction(f"epoch {fact.epoch} is finalised in block {place.number} with other values than proposed")
    proposal.status, proposal.fee = FINALIZED, fact.fee
    proposal.finalized_number, proposal.finalized_tx = place.number, place.tx_hash
    return proposal


def _proposed(epochs: Epochs, place: Place, fact: ev.Proposed) -> Epoch:
    key = (fact.epoch, fact.attempt)
    if key in epochs:
        raise Contradiction(f"epoch {fact.epoch} attempt {fact.attempt} proposed twice, again in block {place.number}")
    epochs[key] = Epoch(
        epoch=fact.epoch,
        attempt=fact.attempt,
        status=PROPOSED,
        publishers_root=fact.publishers_root,
        debits_hash=fact.debits_hash,
        total=fact.total,
        fee=None,
        publishers=fact.publishers,
        ruleset=fact.ruleset,
        data_hash=fact.data_hash,
        active_at=fact.active_at,
        proposed_number=place.number,
        proposed_tx=place.tx_hash,
    )
    return epochs[key]


def _pending(epochs: Epochs, place: Place, epoch: int) -> Epoch:
    pending = [row for row in epochs.values() if row.epoch == epoch and row.status == PROPOSED]
    if len(pending) != 1:
        raise Contradiction(f"block {place.number} ends a proposal of epoch {epoch}, but {len(pending)} are open")
    return pending[0]


def debits(place: Place, proposal: Epoch, inputs: Sequence[bytes]) -> list[ev.Debited]:
    """The debits of a proposal just finalised, from the calldata of its transaction. Raises CalldataMissing."""
    words = find_debit_words(inputs, bytes.fromhex(proposal.debits_hash[2:]), proposal.total)
    if words is None:
        message = f"no calldata of {place.tx_hash} holds the debits of epoch {proposal.epoch}"
        raise CalldataMissing(message, place.tx_hash)
    return [ev.Debited(proposal.epoch, campaign, amount) for campaign, amount in debits_of(words)]


def fold_epochs(
    epochs: Epochs, facts: Iterable[tuple[Place, ev.Event]], inputs: Inputs
) -> dict[Place, list[ev.Debited]]:
    """Fold the epoch facts among `facts`; gives the debits of each epoch they finalise, by place."""
    taken = {}
    for place, fact in facts:
        if isinstance(fact, EpochFact):
            proposal = fold_epoch(epochs, place, fact)
            if isinstance(fact, ev.Finalized):
                taken[place] = debits(place, proposal, inputs.get(place.tx_hash, ()))
    return taken


# --- publishers -------------------------------------------------------------------------------------------------


def fold_publisher(publishers: Publishers, place: Place, fact: ev.PublisherPaid) -> None:
    """Add one payout to its publisher."""
    known = publishers.get(fact.publisher_index)
    paid = fact.amount + (known.paid if known else 0)
    publishers[fact.publisher_index] = Publisher(fact.publisher_index, fact.recipient, paid, place.number)


def batch_indices(batch: ev.Batch) -> range:
    """The publisher indices a batch may have paid."""
    return range(batch.start_group * 4, (batch.start_group + batch.groups) * 4)


def batch_payouts(
    place: Place,
    batch: ev.Batch,
    root: str,
    failed: Iterable[int],
    publishers: Publishers,
    inputs: Sequence[bytes],
) -> list[ev.PublisherPaid]:
    """Who got what in a batch: cumulative minus paid before, without the failed ones. The sum is the batch's total.

    Raises CalldataMissing when no input proves the entries under `root`, Contradiction when the sum differs.
    """
    if batch.total == 0:
        return []
    entries = find_entries(inputs, bytes.fromhex(root[2:]), batch.start_group, batch.groups)
    if entries is None:
        raise CalldataMissing(f"no calldata of {place.tx_hash} proves the entries of its batch payout", place.tx_hash)
    skipped = set(failed)
    payouts = [_payout(entry, publishers) for entry in entries if entry.publisher_index not in skipped]
    payouts = [payout for payout in payouts if payout.amount > 0]
    if sum(payout.amount for payout in payouts) != batch.total:
        raise Contradiction(f"batch payout in {place.tx_hash} moved {batch.total}, its entries say otherwise")
    return payouts


def _payout(entry: Entry, publishers: Publishers) -> ev.PublisherPaid:
    known = publishers.get(entry.publisher_index)
    before = known.paid if known else 0
    return ev.PublisherPaid(entry.publisher_index, entry.recipient, entry.cumulative - before)


def fold_publishers(
    publishers: Publishers, root: str | None, facts: Iterable[tuple[Place, ev.Event]], inputs: Inputs
) -> list[tuple[Place, ev.PublisherPaid]]:
    """Fold every claim and batch among `facts`; gives each single payout. `root`: the active one before them."""
    payouts: list[tuple[Place, ev.PublisherPaid]] = []
    failed: dict[str, list[int]] = {}  # by transaction: refused transfers of the batch that is about to be logged
    for place, fact in facts:
        made: list[ev.PublisherPaid] = []
        if isinstance(fact, ev.RootSet):
            root = fact.root
        elif isinstance(fact, ev.Paid):
            made = [ev.PublisherPaid(*fact)]
        elif isinstance(fact, ev.PayoutFailed):
            failed.setdefault(place.tx_hash, []).append(fact.publisher_index)
        elif isinstance(fact, ev.Batch):
            if root is None:
                raise Contradiction(f"batch payout in block {place.number} before any root")
            refused = failed.pop(place.tx_hash, ())
            made = batch_payouts(place, fact, root, refused, publishers, inputs.get(place.tx_hash, ()))
        for payout in made:
            fold_publisher(publishers, place, payout)
            payouts.append((place, payout))
    return payouts
