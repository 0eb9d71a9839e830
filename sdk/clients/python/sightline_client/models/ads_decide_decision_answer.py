from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.ads_decide_decision_answer_creative_answer import (
        AdsDecideDecisionAnswerCreativeAnswer,
    )
    from ..models.ads_decide_decision_answer_rules_answer import (
        AdsDecideDecisionAnswerRulesAnswer,
    )


T = TypeVar("T", bound="AdsDecideDecisionAnswer")


@_attrs_define
class AdsDecideDecisionAnswer:
    """An ad. `token` goes back with every event about it, until `expires_at_ms`. `test`: the house ad, for free.

    Attributes:
        creative (AdsDecideDecisionAnswerCreativeAnswer): What to show. The SDK refuses an asset whose SHA-256 differs.
            `alt_text`: what the ad says, for who cannot see or
                hear it; may be empty.
        decision_id (str):
        expires_at_ms (int):
        rules (AdsDecideDecisionAnswerRulesAnswer): When a sample counts and how long it must last; shares in basis
            points, the angle in 1/100 degree.
        test (bool):
        token (str):
        version (int):
    """

    creative: AdsDecideDecisionAnswerCreativeAnswer
    decision_id: str
    expires_at_ms: int
    rules: AdsDecideDecisionAnswerRulesAnswer
    test: bool
    token: str
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        creative = self.creative.to_dict()

        decision_id = self.decision_id

        expires_at_ms = self.expires_at_ms

        rules = self.rules.to_dict()

        test = self.test

        token = self.token

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "creative": creative,
                "decision_id": decision_id,
                "expires_at_ms": expires_at_ms,
                "rules": rules,
                "test": test,
                "token": token,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ads_decide_decision_answer_creative_answer import (
            AdsDecideDecisionAnswerCreativeAnswer,  # noqa: PLC0415
        )
        from ..models.ads_decide_decision_answer_rules_answer import (
            AdsDecideDecisionAnswerRulesAnswer,  # noqa: PLC0415
        )

        d = dict(src_dict)
        creative = AdsDecideDecisionAnswerCreativeAnswer.from_dict(d.pop("creative"))

        decision_id = d.pop("decision_id")

        expires_at_ms = d.pop("expires_at_ms")

        rules = AdsDecideDecisionAnswerRulesAnswer.from_dict(d.pop("rules"))

        test = d.pop("test")

        token = d.pop("token")

        version = d.pop("version")

        ads_decide_decision_answer = cls(
            creative=creative,
            decision_id=decision_id,
            expires_at_ms=expires_at_ms,
            rules=rules,
            test=test,
            token=token,
            version=version,
        )

        ads_decide_decision_answer.additional_properties = d
        return ads_decide_decision_answer

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
