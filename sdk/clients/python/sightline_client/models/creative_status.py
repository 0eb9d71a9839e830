from enum import StrEnum


class CreativeStatus(StrEnum):
    APPROVED = "approved"
    PENDING = "pending"
    REJECTED = "rejected"
    REPLACED = "replaced"
    TAKEN_DOWN = "taken_down"
    WITHDRAWN = "withdrawn"

    def __str__(self) -> str:
        return str(self.value)
