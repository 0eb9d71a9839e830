from enum import StrEnum


class PlatformRole(StrEnum):
    ADMIN = "admin"
    AUDITOR = "auditor"
    MODERATOR = "moderator"

    def __str__(self) -> str:
        return str(self.value)
