from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.appeal import Appeal
from ..models.asset_kind import AssetKind
from ..models.creative_status import CreativeStatus
from ..models.rejection_reason import RejectionReason

T = TypeVar("T", bound="ReviewAnswer")


@_attrs_define
class ReviewAnswer:
    """A creative as moderators see it. `appeal_text` is the advertiser's, `claimed_by` the moderator who has it now.

    Attributes:
        alt_text (str):
        appeal (Appeal | None):
        appeal_text (None | str):
        appealed_at (datetime.datetime | None):
        asset_sha256 (str):
        asset_url (str):
        campaign_name (str):
        category (str):
        claimed_by (None | str):
        claimed_until (datetime.datetime | None):
        click_url (str):
        created_at (datetime.datetime):
        decided_at (datetime.datetime | None):
        decided_by (None | str):
        duration_ms (int):
        height (int):
        hosted (bool): the asset was uploaded here
        id (int):
        kind (AssetKind): How an asset is shown. The values are public and stable; placements and creatives use the
            same.
        line_item_id (int):
        lineage_id (int): id of the first version, the same in all
        note (None | str):
        owner (str):
        reasons (list[RejectionReason]):
        status (CreativeStatus): Only what is approved is shown (L56). The values are public and stable.
        version (int):
        width (int):
    """

    alt_text: str
    appeal: Appeal | None
    appeal_text: None | str
    appealed_at: datetime.datetime | None
    asset_sha256: str
    asset_url: str
    campaign_name: str
    category: str
    claimed_by: None | str
    claimed_until: datetime.datetime | None
    click_url: str
    created_at: datetime.datetime
    decided_at: datetime.datetime | None
    decided_by: None | str
    duration_ms: int
    height: int
    hosted: bool
    id: int
    kind: AssetKind
    line_item_id: int
    lineage_id: int
    note: None | str
    owner: str
    reasons: list[RejectionReason]
    status: CreativeStatus
    version: int
    width: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        alt_text = self.alt_text

        appeal: None | str
        if isinstance(self.appeal, Appeal):
            appeal = self.appeal.value
        else:
            appeal = self.appeal

        appeal_text: None | str
        appeal_text = self.appeal_text

        appealed_at: None | str
        if isinstance(self.appealed_at, datetime.datetime):
            appealed_at = self.appealed_at.isoformat()
        else:
            appealed_at = self.appealed_at

        asset_sha256 = self.asset_sha256

        asset_url = self.asset_url

        campaign_name = self.campaign_name

        category = self.category

        claimed_by: None | str
        claimed_by = self.claimed_by

        claimed_until: None | str
        if isinstance(self.claimed_until, datetime.datetime):
            claimed_until = self.claimed_until.isoformat()
        else:
            claimed_until = self.claimed_until

        click_url = self.click_url

        created_at = self.created_at.isoformat()

        decided_at: None | str
        if isinstance(self.decided_at, datetime.datetime):
            decided_at = self.decided_at.isoformat()
        else:
            decided_at = self.decided_at

        decided_by: None | str
        decided_by = self.decided_by

        duration_ms = self.duration_ms

        height = self.height

        hosted = self.hosted

        id = self.id

        kind = self.kind.value

        line_item_id = self.line_item_id

        lineage_id = self.lineage_id

        note: None | str
        note = self.note

        owner = self.owner

        reasons = []
        for reasons_item_data in self.reasons:
            reasons_item = reasons_item_data.value
            reasons.append(reasons_item)

        status = self.status.value

        version = self.version

        width = self.width

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "alt_text": alt_text,
                "appeal": appeal,
                "appeal_text": appeal_text,
                "appealed_at": appealed_at,
                "asset_sha256": asset_sha256,
                "asset_url": asset_url,
                "campaign_name": campaign_name,
                "category": category,
                "claimed_by": claimed_by,
                "claimed_until": claimed_until,
                "click_url": click_url,
                "created_at": created_at,
                "decided_at": decided_at,
                "decided_by": decided_by,
                "duration_ms": duration_ms,
                "height": height,
                "hosted": hosted,
                "id": id,
                "kind": kind,
                "line_item_id": line_item_id,
                "lineage_id": lineage_id,
                "note": note,
                "owner": owner,
                "reasons": reasons,
                "status": status,
                "version": version,
                "width": width,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        alt_text = d.pop("alt_text")

        def _parse_appeal(data: object) -> Appeal | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                appeal_type_0 = Appeal(data)

                return appeal_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Appeal | None, data)

        appeal = _parse_appeal(d.pop("appeal"))

        def _parse_appeal_text(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        appeal_text = _parse_appeal_text(d.pop("appeal_text"))

        def _parse_appealed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                appealed_at_type_0 = datetime.datetime.fromisoformat(data)

                return appealed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        appealed_at = _parse_appealed_at(d.pop("appealed_at"))

        asset_sha256 = d.pop("asset_sha256")

        asset_url = d.pop("asset_url")

        campaign_name = d.pop("campaign_name")

        category = d.pop("category")

        def _parse_claimed_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        claimed_by = _parse_claimed_by(d.pop("claimed_by"))

        def _parse_claimed_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                claimed_until_type_0 = datetime.datetime.fromisoformat(data)

                return claimed_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        claimed_until = _parse_claimed_until(d.pop("claimed_until"))

        click_url = d.pop("click_url")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_decided_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                decided_at_type_0 = datetime.datetime.fromisoformat(data)

                return decided_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        decided_at = _parse_decided_at(d.pop("decided_at"))

        def _parse_decided_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        decided_by = _parse_decided_by(d.pop("decided_by"))

        duration_ms = d.pop("duration_ms")

        height = d.pop("height")

        hosted = d.pop("hosted")

        id = d.pop("id")

        kind = AssetKind(d.pop("kind"))

        line_item_id = d.pop("line_item_id")

        lineage_id = d.pop("lineage_id")

        def _parse_note(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        note = _parse_note(d.pop("note"))

        owner = d.pop("owner")

        reasons = []
        _reasons = d.pop("reasons")
        for reasons_item_data in _reasons:
            reasons_item = RejectionReason(reasons_item_data)

            reasons.append(reasons_item)

        status = CreativeStatus(d.pop("status"))

        version = d.pop("version")

        width = d.pop("width")

        review_answer = cls(
            alt_text=alt_text,
            appeal=appeal,
            appeal_text=appeal_text,
            appealed_at=appealed_at,
            asset_sha256=asset_sha256,
            asset_url=asset_url,
            campaign_name=campaign_name,
            category=category,
            claimed_by=claimed_by,
            claimed_until=claimed_until,
            click_url=click_url,
            created_at=created_at,
            decided_at=decided_at,
            decided_by=decided_by,
            duration_ms=duration_ms,
            height=height,
            hosted=hosted,
            id=id,
            kind=kind,
            line_item_id=line_item_id,
            lineage_id=lineage_id,
            note=note,
            owner=owner,
            reasons=reasons,
            status=status,
            version=version,
            width=width,
        )

        review_answer.additional_properties = d
        return review_answer

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
