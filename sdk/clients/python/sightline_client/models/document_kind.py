from enum import StrEnum


class DocumentKind(StrEnum):
    INVOICE = "invoice"
    SELF_BILLING = "self_billing"

    def __str__(self) -> str:
        return str(self.value)
