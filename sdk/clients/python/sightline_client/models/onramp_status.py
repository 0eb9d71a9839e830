from enum import StrEnum


class OnrampStatus(StrEnum):
    FULFILLMENT_COMPLETE = "fulfillment_complete"
    FULFILLMENT_PROCESSING = "fulfillment_processing"
    INITIALIZED = "initialized"
    REJECTED = "rejected"
    REQUIRES_PAYMENT = "requires_payment"

    def __str__(self) -> str:
        return str(self.value)
