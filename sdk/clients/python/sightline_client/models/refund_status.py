from enum import StrEnum


class RefundStatus(StrEnum):
    ASKED = "asked"
    CANCELED = "canceled"
    FAILED = "failed"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"

    def __str__(self) -> str:
        return str(self.value)
