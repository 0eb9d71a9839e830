from enum import StrEnum


class BidKind(StrEnum):
    CPA = "cpa"
    CPC = "cpc"
    SPONSORSHIP = "sponsorship"
    VCPM = "vcpm"

    def __str__(self) -> str:
        return str(self.value)
