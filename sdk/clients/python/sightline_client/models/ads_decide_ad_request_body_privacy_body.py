from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="AdsDecideAdRequestBodyPrivacyBody")


@_attrs_define
class AdsDecideAdRequestBodyPrivacyBody:
    """What the viewer says: Global Privacy Control (the Sec-GPC header counts too), an IAB TCF consent string.

    Without consent nothing is counted under the viewer's key, and line items with a frequency cap are not shown.

    Attributes:
        gpc (bool | Unset):  Default: False.
        tcf (None | str | Unset):
    """

    gpc: bool | Unset = False
    tcf: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        gpc = self.gpc

        tcf: None | str | Unset
        if isinstance(self.tcf, Unset):
            tcf = UNSET
        else:
            tcf = self.tcf

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if gpc is not UNSET:
            field_dict["gpc"] = gpc
        if tcf is not UNSET:
            field_dict["tcf"] = tcf

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        gpc = d.pop("gpc", UNSET)

        def _parse_tcf(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        tcf = _parse_tcf(d.pop("tcf", UNSET))

        ads_decide_ad_request_body_privacy_body = cls(
            gpc=gpc,
            tcf=tcf,
        )

        return ads_decide_ad_request_body_privacy_body
