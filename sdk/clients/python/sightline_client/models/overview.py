from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.campaign_view import CampaignView
    from ..models.chain_view import ChainView
    from ..models.epoch_view import EpochView
    from ..models.money import Money
    from ..models.publisher_view import PublisherView
    from ..models.solvency import Solvency
    from ..models.traffic import Traffic


T = TypeVar("T", bound="Overview")


@_attrs_define
class Overview:
    """Everything the status page shows, from one moment.

    Attributes:
        campaigns (list[CampaignView]):
        chain (ChainView | None):
        epochs (list[EpochView]):
        money (Money): All the money there is, once. `remaining` contains what withdrawals have reserved, `fee` all ever
            taken.
        publishers (list[PublisherView]):
        solvency (Solvency): What the contracts hold against what they owe. Balances are None when the chain's node does
            not answer.
        traffic (Traffic): Counts since the beginning. `pending` events are accepted and wait for the ledger.
    """

    campaigns: list[CampaignView]
    chain: ChainView | None
    epochs: list[EpochView]
    money: Money
    publishers: list[PublisherView]
    solvency: Solvency
    traffic: Traffic
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.chain_view import ChainView  # noqa: PLC0415

        campaigns = []
        for campaigns_item_data in self.campaigns:
            campaigns_item = campaigns_item_data.to_dict()
            campaigns.append(campaigns_item)

        chain: dict[str, Any] | None
        if isinstance(self.chain, ChainView):
            chain = self.chain.to_dict()
        else:
            chain = self.chain

        epochs = []
        for epochs_item_data in self.epochs:
            epochs_item = epochs_item_data.to_dict()
            epochs.append(epochs_item)

        money = self.money.to_dict()

        publishers = []
        for publishers_item_data in self.publishers:
            publishers_item = publishers_item_data.to_dict()
            publishers.append(publishers_item)

        solvency = self.solvency.to_dict()

        traffic = self.traffic.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "campaigns": campaigns,
                "chain": chain,
                "epochs": epochs,
                "money": money,
                "publishers": publishers,
                "solvency": solvency,
                "traffic": traffic,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.campaign_view import CampaignView  # noqa: PLC0415
        from ..models.chain_view import ChainView  # noqa: PLC0415
        from ..models.epoch_view import EpochView  # noqa: PLC0415
        from ..models.money import Money  # noqa: PLC0415
        from ..models.publisher_view import PublisherView  # noqa: PLC0415
        from ..models.solvency import Solvency  # noqa: PLC0415
        from ..models.traffic import Traffic  # noqa: PLC0415

        d = dict(src_dict)
        campaigns = []
        _campaigns = d.pop("campaigns")
        for campaigns_item_data in _campaigns:
            campaigns_item = CampaignView.from_dict(campaigns_item_data)

            campaigns.append(campaigns_item)

        def _parse_chain(data: object) -> ChainView | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                chain_type_0 = ChainView.from_dict(data)

                return chain_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ChainView | None, data)

        chain = _parse_chain(d.pop("chain"))

        epochs = []
        _epochs = d.pop("epochs")
        for epochs_item_data in _epochs:
            epochs_item = EpochView.from_dict(epochs_item_data)

            epochs.append(epochs_item)

        money = Money.from_dict(d.pop("money"))

        publishers = []
        _publishers = d.pop("publishers")
        for publishers_item_data in _publishers:
            publishers_item = PublisherView.from_dict(publishers_item_data)

            publishers.append(publishers_item)

        solvency = Solvency.from_dict(d.pop("solvency"))

        traffic = Traffic.from_dict(d.pop("traffic"))

        overview = cls(
            campaigns=campaigns,
            chain=chain,
            epochs=epochs,
            money=money,
            publishers=publishers,
            solvency=solvency,
            traffic=traffic,
        )

        overview.additional_properties = d
        return overview

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
