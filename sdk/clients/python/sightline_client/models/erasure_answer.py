from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.erasure_answer_blanked import ErasureAnswerBlanked
    from ..models.erasure_answer_deleted import ErasureAnswerDeleted
    from ..models.erasure_answer_kept import ErasureAnswerKept
    from ..models.erasure_answer_kept_because import ErasureAnswerKeptBecause


T = TypeVar("T", bound="ErasureAnswer")


@_attrs_define
class ErasureAnswer:
    """What was done. Rows by table; `kept_because` says why what is left is kept.

    Attributes:
        account (str):
        blanked (ErasureAnswerBlanked): rows that stay without what was personal in them
        deleted (ErasureAnswerDeleted):
        erased_at (datetime.datetime):
        id (int):
        kept (ErasureAnswerKept):
        kept_because (ErasureAnswerKeptBecause):
        keys_deleted (int): keys with which personal data was sealed, in backups too
        on_chain (str):
    """

    account: str
    blanked: ErasureAnswerBlanked
    deleted: ErasureAnswerDeleted
    erased_at: datetime.datetime
    id: int
    kept: ErasureAnswerKept
    kept_because: ErasureAnswerKeptBecause
    keys_deleted: int
    on_chain: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account = self.account

        blanked = self.blanked.to_dict()

        deleted = self.deleted.to_dict()

        erased_at = self.erased_at.isoformat()

        id = self.id

        kept = self.kept.to_dict()

        kept_because = self.kept_because.to_dict()

        keys_deleted = self.keys_deleted

        on_chain = self.on_chain

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "blanked": blanked,
                "deleted": deleted,
                "erased_at": erased_at,
                "id": id,
                "kept": kept,
                "kept_because": kept_because,
                "keys_deleted": keys_deleted,
                "on_chain": on_chain,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.erasure_answer_blanked import (
            ErasureAnswerBlanked,  # noqa: PLC0415
        )
        from ..models.erasure_answer_deleted import (
            ErasureAnswerDeleted,  # noqa: PLC0415
        )
        from ..models.erasure_answer_kept import ErasureAnswerKept  # noqa: PLC0415
        from ..models.erasure_answer_kept_because import (
            ErasureAnswerKeptBecause,  # noqa: PLC0415
        )

        d = dict(src_dict)
        account = d.pop("account")

        blanked = ErasureAnswerBlanked.from_dict(d.pop("blanked"))

        deleted = ErasureAnswerDeleted.from_dict(d.pop("deleted"))

        erased_at = datetime.datetime.fromisoformat(d.pop("erased_at"))

        id = d.pop("id")

        kept = ErasureAnswerKept.from_dict(d.pop("kept"))

        kept_because = ErasureAnswerKeptBecause.from_dict(d.pop("kept_because"))

        keys_deleted = d.pop("keys_deleted")

        on_chain = d.pop("on_chain")

        erasure_answer = cls(
            account=account,
            blanked=blanked,
            deleted=deleted,
            erased_at=erased_at,
            id=id,
            kept=kept,
            kept_because=kept_because,
            keys_deleted=keys_deleted,
            on_chain=on_chain,
        )

        erasure_answer.additional_properties = d
        return erasure_answer

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
