from enum import StrEnum


class MemberRole(StrEnum):
    MANAGER = "manager"
    OWNER = "owner"
    REPORTER = "reporter"

    def __str__(self) -> str:
        return str(self.value)
