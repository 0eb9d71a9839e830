"""Who may do what: one table, from which docs/permissions.md is made and by which every route is guarded."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Permission(StrEnum):
    """`<thing>.<what>`; also the names of the scopes of API keys."""

    # oneself
    ACCOUNT_READ = "account.read"                # who one is, one's sessions and invitations
    ACCOUNT_WRITE = "account.write"              # answer an invitation, leave an organisation
    SESSIONS_WRITE = "sessions.write"            # renew and end one's own sessions
    # the account acted for
    ORGANISATION_READ = "organisation.read"
    ORGANISATION_WRITE = "organisation.write"    # its name, sides, members and invitations
    KEYS_READ = "keys.read"
    KEYS_WRITE = "keys.write"
    CAMPAIGNS_READ = "campaigns.read"
    CAMPAIGNS_WRITE = "campaigns.write"
    CREATIVES_READ = "creatives.read"
    CREATIVES_WRITE = "creatives.write"
    CONVERSIONS_READ = "conversions.read"
    CONVERSIONS_WRITE = "conversions.write"
    CARDS_READ = "cards.read"
    CARDS_WRITE = "cards.write"
    PLACEMENTS_READ = "placements.read"
    PLACEMENTS_WRITE = "placements.write"
    REPORTS_READ = "reports.read"
    BILLING_READ = "billing.read"
    BILLING_WRITE = "billing.write"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"
    NOTICES_READ = "notices.read"
    NOTICES_WRITE = "notices.write"              # mark as read
    PRIVACY_READ = "privacy.read"
    PRIVACY_WRITE = "privacy.write"
    AUDIT_READ = "audit.read"                    # what was done for this account
    # the whole platform
    MODERATION_READ = "moderation.read"
    MODERATION_WRITE = "moderation.write"
    ADMIN_READ = "admin.read"                    # platform roles, everybody's audit trail, reconciliation
    ADMIN_WRITE = "admin.write"


class Side(StrEnum):
    """Where an organisation stands in the market; it may stand on both sides."""

    ADVERTISER = "advertiser"
    PUBLISHER = "publisher"


class MemberRole(StrEnum):
    """What a member of an organisation is."""

    OWNER = "owner"
    MANAGER = "manager"
    REPORTER = "reporter"


class PlatformRole(StrEnum):
    """A person of the operator. An auditor reads everything and changes nothing, not even in an account of its own."""

    MODERATOR = "moderator"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Role(StrEnum):
    """The columns of the table: a member on one side of the market, or a person of the operator."""

    ADVERTISER_OWNER = "advertiser owner"
    ADVERTISER_MANAGER = "advertiser manager"
    ADVERTISER_REPORTER = "advertiser reporter"
    PUBLISHER_OWNER = "publisher owner"
    PUBLISHER_MANAGER = "publisher manager"
    PUBLISHER_REPORTER = "publisher reporter"
    MODERATOR = "moderator"
    ADMIN = "admin"
    AUDITOR = "auditor"


_ADVERTISER_MANAGERS = frozenset({Role.ADVERTISER_OWNER, Role.ADVERTISER_MANAGER})
_PUBLISHER_MANAGERS = frozenset({Role.PUBLISHER_OWNER, Role.PUBLISHER_MANAGER})
_OWNERS = frozenset({Role.ADVERTISER_OWNER, Role.PUBLISHER_OWNER})
_MANAGERS = _ADVERTISER_MANAGERS | _PUBLISHER_MANAGERS
_ADVERTISERS = _ADVERTISER_MANAGERS | {Role.ADVERTISER_REPORTER}
_PUBLISHERS = _PUBLISHER_MANAGERS | {Role.PUBLISHER_REPORTER}
_MEMBERS = _ADVERTISERS | _PUBLISHERS
_WATCHERS = frozenset({Role.ADMIN, Role.AUDITOR})
_MODERATORS = frozenset({Role.MODERATOR, Role.ADMIN})
_EVERYBODY = frozenset(Role)

TABLE: Mapping[Permission, frozenset[Role]] = {
    Permission.ACCOUNT_READ: _EVERYBODY,
    Permission.ACCOUNT_WRITE: _EVERYBODY - {Role.AUDITOR},
    Permission.SESSIONS_WRITE: _EVERYBODY,
    Permission.ORGANISATION_READ: _MEMBERS | _WATCHERS,
    Permission.ORGANISATION_WRITE: _OWNERS,
    Permission.KEYS_READ: _MANAGERS | _WATCHERS,
    Permission.KEYS_WRITE: _MANAGERS,
    Permission.CAMPAIGNS_READ: _ADVERTISERS | _WATCHERS,
    Permission.CAMPAIGNS_WRITE: _ADVERTISER_MANAGERS,
    Permission.CREATIVES_READ: _MEMBERS | _WATCHERS | _MODERATORS,
    Permission.CREATIVES_WRITE: _ADVERTISER_MANAGERS,
    Permission.CONVERSIONS_READ: _ADVERTISERS | _WATCHERS,
    Permission.CONVERSIONS_WRITE: _ADVERTISER_MANAGERS,
    Permission.CARDS_READ: _ADVERTISERS | _WATCHERS,
    Permission.CARDS_WRITE: _ADVERTISER_MANAGERS,
    Permission.PLACEMENTS_READ: _PUBLISHERS | _WATCHERS,
    Permission.PLACEMENTS_WRITE: _PUBLISHER_MANAGERS,
    Permission.REPORTS_READ: _MEMBERS | _WATCHERS,
    Permission.BILLING_READ: _MEMBERS | _WATCHERS,
    Permission.BILLING_WRITE: _MANAGERS,
    Permission.WEBHOOKS_READ: _MANAGERS | _WATCHERS,
    Permission.WEBHOOKS_WRITE: _MANAGERS,
    Permission.NOTICES_READ: _MEMBERS | _WATCHERS,
    Permission.NOTICES_WRITE: _MANAGERS,
    Permission.PRIVACY_READ: _OWNERS | _WATCHERS,
    Permission.PRIVACY_WRITE: _OWNERS,
    Permission.AUDIT_READ: _MANAGERS | _WATCHERS,
    Permission.MODERATION_READ: _MODERATORS | _WATCHERS,
    Permission.MODERATION_WRITE: _MODERATORS,
    Permission.ADMIN_READ: _WATCHERS,
    Permission.ADMIN_WRITE: frozenset({Role.ADMIN}),
}

READ_ONLY = frozenset(
    permission for permission in Permission if permission.endswith(".read")
) | {Permission.SESSIONS_WRITE}
"""All that an auditor may do: to read, and to end sessions of its own."""

NEVER_BY_KEY = frozenset({
    Permission.ACCOUNT_READ, Permission.ACCOUNT_WRITE, Permission.SESSIONS_WRITE, Permission.ORGANISATION_WRITE,
    Permission.KEYS_READ, Permission.KEYS_WRITE, Permission.PRIVACY_READ, Permission.PRIVACY_WRITE,
})
"""What a person does with a wallet: a key that leaked must not make keys, members or sessions that outlive it."""

KEY_SCOPES = frozenset(
    permission for permission, roles in TABLE.items() if roles & _MEMBERS
) - NEVER_BY_KEY
"""What an API key may be given: what members do, never what the operator's people do."""


def permitted(roles: Iterable[Role]) -> frozenset[Permission]:
    """All that somebody with `roles` may do."""
    held = frozenset(roles)
    found = frozenset(permission for permission, allowed in TABLE.items() if allowed & held)
    return found & READ_ONLY if Role.AUDITOR in held else found


def member_roles(member: MemberRole, sides: Iterable[Side]) -> frozenset[Role]:
    """The roles of a member of an organisation on `sides`."""
    return frozenset(Role(f"{side} {member}") for side in sides)


def permissions_table() -> str:
    """TABLE as markdown: a row for a permission, a column for a role."""
    lines = [
        "| Permission | " + " | ".join(Role) + " | API key |",
        "|---|" + ":-:|" * (len(Role) + 1),
    ]
    for permission, allowed in TABLE.items():
        cells = ["●" if role in allowed else "" for role in Role] + ["●" if permission in KEY_SCOPES else ""]
        lines.append(f"| `{permission}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
