from enum import StrEnum


class PaymentStatus(StrEnum):
    CLEARED = "cleared"
    CREATED = "created"
    DEPOSITED = "deposited"
    DEPOSITING = "depositing"
    DISPUTED = "disputed"
    EXPIRED = "expired"
    FROZEN = "frozen"
    HELD = "held"
    LOST = "lost"
    REFUNDED = "refunded"

    def __str__(self) -> str:
        return str(self.value)
