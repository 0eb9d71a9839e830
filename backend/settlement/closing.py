"""What becomes of an epoch's charges: debits, net amounts, fee, dust, and the transfers that empty the accounts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backend.core.ids import DUST_PUBLISHER
from backend.core.money import Split, split
from backend.core.transfers import DUST_ACCOUNT, FEE_ACCOUNT, Transfer, earned_account, payable_account

DEBIT_WORDS_MAX = 256
CAMPAIGNS_PER_WORD = 4


@dataclass(frozen=True, slots=True)
class Charge:
    """Charges of one campaign for one publisher, summed."""

    campaign: int
    publisher: int
    amount_micro_usdc: int


@dataclass(frozen=True, slots=True)
class OpenCharges:
    """Charges of one campaign that are in no epoch: the oldest transfer, its amount, and the sum in micro-USDC."""

    campaign: int
    oldest_transfer: int
    first: int
    amount: int


@dataclass(frozen=True, slots=True)
class PublisherLine:
    """A publisher in an epoch, micro-USDC; index 0 is the dust account."""

    index: int
    recipient: str
    gross: int
    net: int
    cumulative: int


@dataclass(frozen=True, slots=True)
class Closing:
    """An epoch's numbers: total = fee + sum(net) over all lines, the dust being line 0's net."""

    lines: list[PublisherLine]
    debits: dict[int, int]
    total: int
    fee: int
    dust: int
    transfers: list[Transfer]


class NotConserved(AssertionError):
    """Debits are not what fee, nets and dust add up to. Nothing may be closed."""


def groups_by_age(waiting: Iterable[OpenCharges]) -> list[list[OpenCharges]]:
    """The groups of campaigns (id >> 2) with open charges; those that wait longest come first."""
    groups: dict[int, list[OpenCharges]] = {}
    for one in sorted(waiting, key=lambda charges: charges.oldest_transfer):
        groups.setdefault(one.campaign // CAMPAIGNS_PER_WORD, []).append(one)
    return list(groups.values())


def can_settle(group: Iterable[OpenCharges], limits: Mapping[int, int]) -> bool:
    """Whether a group has a charge that fits; one of debts that nothing is left for must not take a word's place."""
    return any(one.first <= limits[one.campaign] for one in group)


def close(
    charges: Iterable[Charge],
    fee_bps: int,
    previous: Mapping[int, PublisherLine],
    wallets: Mapping[int, str],
) -> Closing:
    """Close an epoch over `charges`.

    `previous` are the lines of the epoch before; `wallets` is consulted for publishers who are new (0: the treasury),
    since a publisher index keeps its recipient for life. Raises NotConserved, or KeyError for an unknown publisher.
    """
    debits: dict[int, int] = {}
    gross: dict[int, int] = {}
    for charge in charges:
        debits[charge.campaign] = debits.get(charge.campaign, 0) + charge.amount_micro_usdc
        gross[charge.publisher] = gross.get(charge.publisher, 0) + charge.amount_micro_usdc
    shares = split(gross, fee_bps)
    net = {DUST_PUBLISHER: shares.dust_micro_usdc, **shares.net_micro_usdc}
    lines = [
        _line(index, gross.get(index, 0), net.get(index, 0), previous.get(index), wallets)
        for index in sorted(previous.keys() | net.keys())
    ]
    total = sum(debits.values())
    if total != shares.fee_micro_usdc + sum(line.net for line in lines):
        raise NotConserved(f"debits of {total} are not fee, nets and dust")
    transfers = _emptying(gross, shares)
    return Closing(lines, debits, total, shares.fee_micro_usdc, shares.dust_micro_usdc, transfers)


def _line(index: int, gross: int, net: int, before: PublisherLine | None, wallets: Mapping[int, str]) -> PublisherLine:
    if before is None:
        return PublisherLine(index, wallets[index], gross, net, net)
    return PublisherLine(index, before.recipient, gross, net, before.cumulative + net)


def _emptying(gross: Mapping[int, int], shares: Split) -> list[Transfer]:
    """Transfers after which each `earned` account is empty again.

    What a publisher's net leaves over pays the fee first, by index, then dust: with a fee of 10 % and 15 micro-USDC
    each for publishers 1 and 2, the nets are 13 and 13, the fee is 3: publisher 1 leaves 2 for the fee, publisher 2
    leaves 1 for the fee and 1 as dust.
    """
    transfers: list[Transfer] = []
    fee_left = shares.fee_micro_usdc
    for publisher in sorted(gross):
        net = shares.net_micro_usdc[publisher]
        rest = gross[publisher] - net
        fee = min(rest, fee_left)
        fee_left -= fee
        dust = rest - fee
        parts = (("earn", payable_account(publisher), net), ("fee", FEE_ACCOUNT, fee), ("dust", DUST_ACCOUNT, dust))
        transfers += [
            Transfer(kind, earned_account(publisher), account, amount) for kind, account, amount in parts if amount
        ]
    return transfers
