from enum import StrEnum


class Permission(StrEnum):
    ACCOUNT_READ = "account.read"
    ACCOUNT_WRITE = "account.write"
    ADMIN_READ = "admin.read"
    ADMIN_WRITE = "admin.write"
    AUDIT_READ = "audit.read"
    BILLING_READ = "billing.read"
    BILLING_WRITE = "billing.write"
    CAMPAIGNS_READ = "campaigns.read"
    CAMPAIGNS_WRITE = "campaigns.write"
    CARDS_READ = "cards.read"
    CARDS_WRITE = "cards.write"
    CONVERSIONS_READ = "conversions.read"
    CONVERSIONS_WRITE = "conversions.write"
    CREATIVES_READ = "creatives.read"
    CREATIVES_WRITE = "creatives.write"
    KEYS_READ = "keys.read"
    KEYS_WRITE = "keys.write"
    MODERATION_READ = "moderation.read"
    MODERATION_WRITE = "moderation.write"
    NOTICES_READ = "notices.read"
    NOTICES_WRITE = "notices.write"
    ORGANISATION_READ = "organisation.read"
    ORGANISATION_WRITE = "organisation.write"
    PLACEMENTS_READ = "placements.read"
    PLACEMENTS_WRITE = "placements.write"
    PRIVACY_READ = "privacy.read"
    PRIVACY_WRITE = "privacy.write"
    REPORTS_READ = "reports.read"
    SESSIONS_WRITE = "sessions.write"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"

    def __str__(self) -> str:
        return str(self.value)
