from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AdsDecideDecisionAnswerCreativeAnswer")


@_attrs_define
class AdsDecideDecisionAnswerCreativeAnswer:
    """What to show. The SDK refuses an asset whose SHA-256 differs. `alt_text`: what the ad says, for who cannot see or
    hear it; may be empty.

    Attributes:
        alt_text (str):
        asset_sha256 (str):
        asset_url (str):
        click_url (str):
        height (int):
        id (int):
        kind (str):
        width (int):
    """

    alt_text: str
    asset_sha256: str
    asset_url: str
    click_url: str
    height: int
    id: int
    kind: str
    width: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        alt_text = self.alt_text

        asset_sha256 = self.asset_sha256

        asset_url = self.asset_url

        click_url = self.click_url

        height = self.height

        id = self.id

        kind = self.kind

        width = self.width

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "alt_text": alt_text,
                "asset_sha256": asset_sha256,
                "asset_url": asset_url,
                "click_url": click_url,
                "height": height,
                "id": id,
                "kind": kind,
                "width": width,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        alt_text = d.pop("alt_text")

        asset_sha256 = d.pop("asset_sha256")

        asset_url = d.pop("asset_url")

        click_url = d.pop("click_url")

        height = d.pop("height")

        id = d.pop("id")

        kind = d.pop("kind")

        width = d.pop("width")

        ads_decide_decision_answer_creative_answer = cls(
            alt_text=alt_text,
            asset_sha256=asset_sha256,
            asset_url=asset_url,
            click_url=click_url,
            height=height,
            id=id,
            kind=kind,
            width=width,
        )

        ads_decide_decision_answer_creative_answer.additional_properties = d
        return ads_decide_decision_answer_creative_answer

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
