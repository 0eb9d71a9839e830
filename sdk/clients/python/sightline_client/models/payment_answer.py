from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.payment_status import PaymentStatus
from ..models.tier import Tier

if TYPE_CHECKING:
    from ..models.dispute_answer import DisputeAnswer
    from ..models.refund_answer import RefundAnswer


T = TypeVar("T", bound="PaymentAnswer")


@_attrs_define
class PaymentAnswer:
    """A payment by card. It is held until `hold_until`, then the treasury deposits it on chain, one US dollar for one
    USDC. `refundable_cents` can go back to the card now, and nowhere else.

        Attributes:
            amount_cents (int):
            campaign_id (int):
            checkout_url (None | str): where the cardholder pays; null once that is over
            created_at (datetime.datetime):
            deposited_micro_usdc (int):
            disputes (list[DisputeAnswer]):
            hold_until (datetime.datetime | None):
            id (int):
            paid_cents (int):
            refundable_cents (int):
            refunded_cents (int):
            refunds (list[RefundAnswer]):
            status (PaymentStatus): created → held → cleared → depositing → deposited, unless something happens to it.

                `created` is an open Checkout, `cleared` waits for the treasury, `depositing` is signed. `frozen` (early fraud
                warning) and `disputed` stop the campaign; a dispute that is won gives back the status from before.
            tier (Tier): trusted: the first payment is long ago, and no payment was ever disputed or warned about.
    """

    amount_cents: int
    campaign_id: int
    checkout_url: None | str
    created_at: datetime.datetime
    deposited_micro_usdc: int
    disputes: list[DisputeAnswer]
    hold_until: datetime.datetime | None
    id: int
    paid_cents: int
    refundable_cents: int
    refunded_cents: int
    refunds: list[RefundAnswer]
    status: PaymentStatus
    tier: Tier
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amount_cents = self.amount_cents

        campaign_id = self.campaign_id

        checkout_url: None | str
        checkout_url = self.checkout_url

        created_at = self.created_at.isoformat()

        deposited_micro_usdc = self.deposited_micro_usdc

        disputes = []
        for disputes_item_data in self.disputes:
            disputes_item = disputes_item_data.to_dict()
            disputes.append(disputes_item)

        hold_until: None | str
        if isinstance(self.hold_until, datetime.datetime):
            hold_until = self.hold_until.isoformat()
        else:
            hold_until = self.hold_until

        id = self.id

        paid_cents = self.paid_cents

        refundable_cents = self.refundable_cents

        refunded_cents = self.refunded_cents

        refunds = []
        for refunds_item_data in self.refunds:
            refunds_item = refunds_item_data.to_dict()
            refunds.append(refunds_item)

        status = self.status.value

        tier = self.tier.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount_cents": amount_cents,
                "campaign_id": campaign_id,
                "checkout_url": checkout_url,
                "created_at": created_at,
                "deposited_micro_usdc": deposited_micro_usdc,
                "disputes": disputes,
                "hold_until": hold_until,
                "id": id,
                "paid_cents": paid_cents,
                "refundable_cents": refundable_cents,
                "refunded_cents": refunded_cents,
                "refunds": refunds,
                "status": status,
                "tier": tier,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.dispute_answer import DisputeAnswer  # noqa: PLC0415
        from ..models.refund_answer import RefundAnswer  # noqa: PLC0415

        d = dict(src_dict)
        amount_cents = d.pop("amount_cents")

        campaign_id = d.pop("campaign_id")

        def _parse_checkout_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        checkout_url = _parse_checkout_url(d.pop("checkout_url"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        deposited_micro_usdc = d.pop("deposited_micro_usdc")

        disputes = []
        _disputes = d.pop("disputes")
        for disputes_item_data in _disputes:
            disputes_item = DisputeAnswer.from_dict(disputes_item_data)

            disputes.append(disputes_item)

        def _parse_hold_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                hold_until_type_0 = datetime.datetime.fromisoformat(data)

                return hold_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        hold_until = _parse_hold_until(d.pop("hold_until"))

        id = d.pop("id")

        paid_cents = d.pop("paid_cents")

        refundable_cents = d.pop("refundable_cents")

        refunded_cents = d.pop("refunded_cents")

        refunds = []
        _refunds = d.pop("refunds")
        for refunds_item_data in _refunds:
            refunds_item = RefundAnswer.from_dict(refunds_item_data)

            refunds.append(refunds_item)

        status = PaymentStatus(d.pop("status"))

        tier = Tier(d.pop("tier"))

        payment_answer = cls(
            amount_cents=amount_cents,
            campaign_id=campaign_id,
            checkout_url=checkout_url,
            created_at=created_at,
            deposited_micro_usdc=deposited_micro_usdc,
            disputes=disputes,
            hold_until=hold_until,
            id=id,
            paid_cents=paid_cents,
            refundable_cents=refundable_cents,
            refunded_cents=refunded_cents,
            refunds=refunds,
            status=status,
            tier=tier,
        )

        payment_answer.additional_properties = d
        return payment_answer

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
