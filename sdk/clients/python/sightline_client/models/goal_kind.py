from enum import StrEnum


class GoalKind(StrEnum):
    ON_CHAIN = "on_chain"
    POSTBACK = "postback"

    def __str__(self) -> str:
        return str(self.value)
