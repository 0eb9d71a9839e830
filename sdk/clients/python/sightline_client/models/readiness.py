from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.readiness_chain import ReadinessChain
from ..models.readiness_database import ReadinessDatabase
from ..models.readiness_redis import ReadinessRedis

T = TypeVar("T", bound="Readiness")


@_attrs_define
class Readiness:
    """`ready` needs the database and Redis. A late indexer is told but does not take the API out of service:
    budgets then stand still, and a withdrawal's notice is longer than any such delay.

        Attributes:
            chain (ReadinessChain):
            chain_age_seconds (float | None):
            database (ReadinessDatabase):
            ready (bool):
            redis (ReadinessRedis):
    """

    chain: ReadinessChain
    chain_age_seconds: float | None
    database: ReadinessDatabase
    ready: bool
    redis: ReadinessRedis
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        chain = self.chain.value

        chain_age_seconds: float | None
        chain_age_seconds = self.chain_age_seconds

        database = self.database.value

        ready = self.ready

        redis = self.redis.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "chain": chain,
                "chain_age_seconds": chain_age_seconds,
                "database": database,
                "ready": ready,
                "redis": redis,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        chain = ReadinessChain(d.pop("chain"))

        def _parse_chain_age_seconds(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        chain_age_seconds = _parse_chain_age_seconds(d.pop("chain_age_seconds"))

        database = ReadinessDatabase(d.pop("database"))

        ready = d.pop("ready")

        redis = ReadinessRedis(d.pop("redis"))

        readiness = cls(
            chain=chain,
            chain_age_seconds=chain_age_seconds,
            database=database,
            ready=ready,
            redis=redis,
        )

        readiness.additional_properties = d
        return readiness

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
