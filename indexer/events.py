"""Every event of CampaignEscrow and PublisherPayout, declared once: name, types, what is indexed, where it is kept.

A class here is at the same time the ABI of the event, the shape of the decoded value and the columns of its table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple, get_type_hints

import sha3

# Field types, written as in the ABI. "indexed" fields travel as topics, the others as 32-byte words of the data.
Uint256 = Annotated[int, "uint256"]
Uint64 = Annotated[int, "uint64"]
Uint32 = Annotated[int, "uint32"]
Bytes32 = Annotated[str, "bytes32"]
Bool = Annotated[bool, "bool"]
IndexedUint256 = Annotated[int, "uint256 indexed"]
IndexedUint64 = Annotated[int, "uint64 indexed"]
IndexedUint8 = Annotated[int, "uint8 indexed"]
IndexedAddress = Annotated[str, "address indexed"]


# --- CampaignEscrow ---------------------------------------------------------------------------------------------


class CampaignOpened(NamedTuple):
    """`amount` is credited to the campaign; no Deposited goes with it."""

    campaign: IndexedUint256
    owner: IndexedAddress
    amount: Uint256
    meta: Bytes32


class Deposited(NamedTuple):
    campaign: IndexedUint256
    payer: IndexedAddress
    amount: Uint256


class CampaignActive(NamedTuple):
    campaign: IndexedUint256
    active: Bool


class EpochCapSet(NamedTuple):
    """`cap` 0 means none; it binds from `from_epoch` on."""

    campaign: IndexedUint256
    cap: Uint256
    from_epoch: Uint64


class WithdrawalRequested(NamedTuple):
    """`amount` leaves `remaining` at once; epochs up to `after_epoch` may still take from it."""

    campaign: IndexedUint256
    amount: Uint256
    executable_at: Uint64
    after_epoch: Uint64


class WithdrawalCancelled(NamedTuple):
    campaign: IndexedUint256
    amount: Uint256


class Withdrawn(NamedTuple):
    campaign: IndexedUint256
    to: IndexedAddress
    amount: Uint256


class Proposed(NamedTuple):
    epoch: IndexedUint64
    publishers_root: Bytes32
    debits_hash: Bytes32
    total: Uint256
    publishers: Uint32
    ruleset: Bytes32
    data_hash: Bytes32
    active_at: Uint64
    attempt: Uint32


class Vetoed(NamedTuple):
    epoch: IndexedUint64
    by: IndexedAddress
    attempt: Uint32


class Finalized(NamedTuple):
    epoch: IndexedUint64
    publishers_root: Bytes32
    total: Uint256
    fee: Uint256


class FeesWithdrawn(NamedTuple):
    to: IndexedAddress
    amount: Uint256


class Paused(NamedTuple):
    until: Uint64


class Unpaused(NamedTuple):
    pass


class ConfigProposed(NamedTuple):
    kind: IndexedUint8
    value: Bytes32
    active_at: Uint64


class ConfigApplied(NamedTuple):
    kind: IndexedUint8
    value: Bytes32


class ConfigCancelled(NamedTuple):
    kind: IndexedUint8
    value: Bytes32


class OwnershipTransferStarted(NamedTuple):
    previous_owner: IndexedAddress
    new_owner: IndexedAddress


class OwnershipTransferred(NamedTuple):
    previous_owner: IndexedAddress
    new_owner: IndexedAddress


# --- PublisherPayout --------------------------------------------------------------------------------------------


class RootSet(NamedTuple):
    epoch: IndexedUint64
    root: Bytes32


class Paid(NamedTuple):
    """One claim. (`publisher_index` is called `index` in the ABI.)"""

    publisher_index: IndexedUint256
    recipient: IndexedAddress
    amount: Uint256


class PayoutFailed(NamedTuple):
    """A transfer inside a batch that the token refused; nothing moved and it stays payable."""

    publisher_index: IndexedUint256
    recipient: IndexedAddress
    amount: Uint256


class Batch(NamedTuple):
    """A contiguous range of groups was paid; who got what stands in the calldata."""

    start_group: Uint256
    groups: Uint256
    total: Uint256


Event = (
    CampaignOpened
    | Deposited
    | CampaignActive
    | EpochCapSet
    | WithdrawalRequested
    | WithdrawalCancelled
    | Withdrawn
    | Proposed
    | Vetoed
    | Finalized
    | FeesWithdrawn
    | Paused
    | Unpaused
    | ConfigProposed
    | ConfigApplied
    | ConfigCancelled
    | OwnershipTransferStarted
    | OwnershipTransferred
    | RootSet
    | Paid
    | PayoutFailed
    | Batch
)


class Debited(NamedTuple):
    """What a finalised epoch took from one campaign: read from the calldata, proved against `Proposed.debits_hash`."""

    epoch: Uint64
    campaign: Uint256
    amount: Uint256


class PublisherPaid(NamedTuple):
    """What one publisher was paid, by a claim or inside a batch: read from the log, or from proved calldata."""

    publisher_index: Uint256
    recipient: Annotated[str, "address"]
    amount: Uint256


@dataclass(frozen=True, slots=True)
class FieldType:
    """One parameter of an event: its name here, its ABI type, and whether it is a topic."""

    name: str
    abi: str
    indexed: bool


@dataclass(frozen=True, slots=True)
class EventType:
    """One event of one contract and the table that keeps it."""

    contract: str
    table: str
    event: type[Event]
    fields: tuple[FieldType, ...]
    signature: str
    topic: bytes


def fields_of(shape: type) -> tuple[FieldType, ...]:
    """The fields of an event or derived fact, in ABI order."""
    hints = get_type_hints(shape, include_extras=True)
    parts = [(name, hint.__metadata__[0].split()) for name, hint in hints.items()]
    return tuple(FieldType(name, words[0], "indexed" in words) for name, words in parts)


def _event_type(contract: str, table: str, event: type[Event]) -> EventType:
    fields = fields_of(event)
    signature = f"{event.__name__}({','.join(field.abi for field in fields)})"
    return EventType(contract, table, event, fields, signature, sha3.keccak_256(signature.encode()).digest())


ESCROW = "CampaignEscrow"
PAYOUT = "PublisherPayout"

_TABLES: Mapping[str, Mapping[str, type[Event]]] = {
    ESCROW: {
        "chain_campaign_opened": CampaignOpened,
        "chain_deposited": Deposited,
        "chain_campaign_active": CampaignActive,
        "chain_epoch_cap_set": EpochCapSet,
        "chain_withdrawal_requested": WithdrawalRequested,
        "chain_withdrawal_cancelled": WithdrawalCancelled,
        "chain_withdrawn": Withdrawn,
        "chain_proposed": Proposed,
        "chain_vetoed": Vetoed,
        "chain_finalized": Finalized,
        "chain_fees_withdrawn": FeesWithdrawn,
        "chain_escrow_paused": Paused,
        "chain_escrow_unpaused": Unpaused,
        "chain_config_proposed": ConfigProposed,
        "chain_config_applied": ConfigApplied,
        "chain_config_cancelled": ConfigCancelled,
        "chain_ownership_transfer_started": OwnershipTransferStarted,
        "chain_ownership_transferred": OwnershipTransferred,
    },
    PAYOUT: {
        "chain_root_set": RootSet,
        "chain_paid": Paid,
        "chain_payout_failed": PayoutFailed,
        "chain_batch": Batch,
        "chain_payout_paused": Paused,
        "chain_payout_unpaused": Unpaused,
    },
}

EVENT_TYPES: tuple[EventType, ...] = tuple(
    _event_type(contract, table, event) for contract, tables in _TABLES.items() for table, event in tables.items()
)
