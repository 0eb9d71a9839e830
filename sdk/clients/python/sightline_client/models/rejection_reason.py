from enum import StrEnum


class RejectionReason(StrEnum):
    ADULT = "adult"
    HATE = "hate"
    ILLEGAL = "illegal"
    MALWARE = "malware"
    MISLEADING = "misleading"
    OTHER = "other"
    PERSONAL_DATA = "personal_data"
    PROHIBITED_PRODUCT = "prohibited_product"
    QUALITY = "quality"
    RIGHTS = "rights"
    VIOLENCE = "violence"
    WRONG_CATEGORY = "wrong_category"
    WRONG_DESTINATION = "wrong_destination"

    def __str__(self) -> str:
        return str(self.value)
