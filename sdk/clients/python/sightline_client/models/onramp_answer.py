from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.onramp_status import OnrampStatus

if TYPE_CHECKING:
    from ..models.onramp_answer_transaction_details import (
        OnrampAnswerTransactionDetails,
    )


T = TypeVar("T", bound="OnrampAnswer")


@_attrs_define
class OnrampAnswer:
    """A session. `transaction_details` are what Stripe says was sent to the wallet, for information: a campaign has
    money when the wallet has deposited it and the chain shows it.

        Attributes:
            asked_micro_usdc (int | None):
            created_at (datetime.datetime):
            id (int):
            network (str):
            status (OnrampStatus): In the order in which a session goes through them; it never goes back.
            transaction_details (OnrampAnswerTransactionDetails):
            wallet (str):
    """

    asked_micro_usdc: int | None
    created_at: datetime.datetime
    id: int
    network: str
    status: OnrampStatus
    transaction_details: OnrampAnswerTransactionDetails
    wallet: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        asked_micro_usdc: int | None
        asked_micro_usdc = self.asked_micro_usdc

        created_at = self.created_at.isoformat()

        id = self.id

        network = self.network

        status = self.status.value

        transaction_details = self.transaction_details.to_dict()

        wallet = self.wallet

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "asked_micro_usdc": asked_micro_usdc,
                "created_at": created_at,
                "id": id,
                "network": network,
                "status": status,
                "transaction_details": transaction_details,
                "wallet": wallet,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.onramp_answer_transaction_details import (
            OnrampAnswerTransactionDetails,  # noqa: PLC0415
        )

        d = dict(src_dict)

        def _parse_asked_micro_usdc(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        asked_micro_usdc = _parse_asked_micro_usdc(d.pop("asked_micro_usdc"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        id = d.pop("id")

        network = d.pop("network")

        status = OnrampStatus(d.pop("status"))

        transaction_details = OnrampAnswerTransactionDetails.from_dict(
            d.pop("transaction_details")
        )

        wallet = d.pop("wallet")

        onramp_answer = cls(
            asked_micro_usdc=asked_micro_usdc,
            created_at=created_at,
            id=id,
            network=network,
            status=status,
            transaction_details=transaction_details,
            wallet=wallet,
        )

        onramp_answer.additional_properties = d
        return onramp_answer

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
