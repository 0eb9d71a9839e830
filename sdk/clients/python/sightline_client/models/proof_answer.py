from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.method import Method

if TYPE_CHECKING:
    from ..models.proof_way import ProofWay
    from ..models.world_ads import WorldAds


T = TypeVar("T", bound="ProofAnswer")


@_attrs_define
class ProofAnswer:
    """`required`: only verified worlds sell. `checks_missed` daily checks in a row; with the third it is unverified.

    Attributes:
        checked_at (datetime.datetime | None):
        checks_missed (int):
        method (Method | None):
        required (bool):
        verified (bool):
        ways (list[ProofWay]):
        world_ads_txt (None | WorldAds):
        world_id (int):
    """

    checked_at: datetime.datetime | None
    checks_missed: int
    method: Method | None
    required: bool
    verified: bool
    ways: list[ProofWay]
    world_ads_txt: None | WorldAds
    world_id: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.world_ads import WorldAds  # noqa: PLC0415

        checked_at: None | str
        if isinstance(self.checked_at, datetime.datetime):
            checked_at = self.checked_at.isoformat()
        else:
            checked_at = self.checked_at

        checks_missed = self.checks_missed

        method: None | str
        if isinstance(self.method, Method):
            method = self.method.value
        else:
            method = self.method

        required = self.required

        verified = self.verified

        ways = []
        for ways_item_data in self.ways:
            ways_item = ways_item_data.to_dict()
            ways.append(ways_item)

        world_ads_txt: dict[str, Any] | None
        if isinstance(self.world_ads_txt, WorldAds):
            world_ads_txt = self.world_ads_txt.to_dict()
        else:
            world_ads_txt = self.world_ads_txt

        world_id = self.world_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "checked_at": checked_at,
                "checks_missed": checks_missed,
                "method": method,
                "required": required,
                "verified": verified,
                "ways": ways,
                "world_ads_txt": world_ads_txt,
                "world_id": world_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.proof_way import ProofWay  # noqa: PLC0415
        from ..models.world_ads import WorldAds  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_checked_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                checked_at_type_0 = datetime.datetime.fromisoformat(data)

                return checked_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        checked_at = _parse_checked_at(d.pop("checked_at"))

        checks_missed = d.pop("checks_missed")

        def _parse_method(data: object) -> Method | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                method_type_0 = Method(data)

                return method_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Method | None, data)

        method = _parse_method(d.pop("method"))

        required = d.pop("required")

        verified = d.pop("verified")

        ways = []
        _ways = d.pop("ways")
        for ways_item_data in _ways:
            ways_item = ProofWay.from_dict(ways_item_data)

            ways.append(ways_item)

        def _parse_world_ads_txt(data: object) -> None | WorldAds:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                world_ads_txt_type_0 = WorldAds.from_dict(data)

                return world_ads_txt_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | WorldAds, data)

        world_ads_txt = _parse_world_ads_txt(d.pop("world_ads_txt"))

        world_id = d.pop("world_id")

        proof_answer = cls(
            checked_at=checked_at,
            checks_missed=checks_missed,
            method=method,
            required=required,
            verified=verified,
            ways=ways,
            world_ads_txt=world_ads_txt,
            world_id=world_id,
        )

        proof_answer.additional_properties = d
        return proof_answer

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
