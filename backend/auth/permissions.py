"""Who may do what: one table, from which docs/permissions.md is made and by which every route is guarded."""

from enum import StrEnum


class Permission(StrEnum):
    """`<thing>.<what>`; also the names of the scopes of API keys."""

    ACCOUNT_READ = "account.read"
    ACCOUNT_WRITE = "account.write"
    CAMPAIGNS_READ = "campaigns.read"
    CAMPAIGNS_WRITE = "campaigns.write"
    PLACEMENTS_READ = "placements.read"
    PLACEMENTS_WRITE = "placements.write"
