"""The table of permissions as a pure rule: what each role may do, and what nobody gets by combining them (L48, L49)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.api.guards import PUBLIC
from backend.auth.caller import Caller, Standing, caller_of, key_caller
from backend.auth.permissions import (
    KEY_SCOPES,
    NEVER_BY_KEY,
    READ_ONLY,
    TABLE,
    MemberRole,
    Permission,
    PlatformRole,
    Role,
    Side,
    member_roles,
    permissions_table,
    permitted,
)
from backend.core.errors import NotAllowed
from backend.core.ids import address

WALLET, ACCOUNT = address("0x" + "aa" * 20), address("0x" + "bb" * 20)
BOTH = frozenset(Side)
WRITES = frozenset(permission for permission in Permission if not permission.endswith(".read"))
ROLE_SETS = st.frozensets(st.sampled_from(Role))

STANDINGS = st.builds(
    Standing, wallet=st.just(WALLET), account=st.sampled_from([WALLET, ACCOUNT]),
    sides=st.none() | st.frozensets(st.sampled_from(Side), min_size=1), member=st.none() | st.sampled_from(MemberRole),
    platform=st.frozensets(st.sampled_from(PlatformRole)),
)


def standing(
    *, sides: frozenset[Side] | None = None, member: MemberRole | None = None, account: str = ACCOUNT,
    platform: frozenset[PlatformRole] = frozenset(),
) -> Standing:
    return Standing(WALLET, address(account), sides, member, platform)


# --- the table ----------------------------------------------------------------------------------------------------


def test_table__every_permission__has_a_row_and_somebody() -> None:
    assert set(TABLE) == set(Permission)
    assert all(TABLE.values())


def test_table__every_name__is_a_thing_and_reads_or_writes() -> None:
    assert not [permission for permission in Permission if permission.partition(".")[2] not in ("read", "write")]


@pytest.mark.parametrize("role", [Role.ADVERTISER_REPORTER, Role.PUBLISHER_REPORTER, Role.AUDITOR])
def test_reader__changes__nothing_but_itself(role: Role) -> None:
    """L49: reporters and auditors. What is left is to end one's sessions, and for reporters to leave."""
    itself = {Permission.SESSIONS_WRITE, *([] if role is Role.AUDITOR else [Permission.ACCOUNT_WRITE])}
    assert permitted({role}) & WRITES == itself


@pytest.mark.parametrize(("lesser", "greater"), [
    (MemberRole.REPORTER, MemberRole.MANAGER), (MemberRole.MANAGER, MemberRole.OWNER),
])
@pytest.mark.parametrize("side", Side)
def test_members__greater_role__may_all_that_the_lesser_may(
    lesser: MemberRole, greater: MemberRole, side: Side
) -> None:
    assert permitted(member_roles(lesser, [side])) < permitted(member_roles(greater, [side]))


def test_sides__each__is_closed_to_the_other() -> None:
    advertiser, publisher = (permitted(member_roles(MemberRole.OWNER, [side])) for side in Side)
    assert Permission.CAMPAIGNS_WRITE in advertiser - publisher
    assert Permission.PLACEMENTS_WRITE in publisher - advertiser
    for permission in (Permission.CAMPAIGNS_READ, Permission.CREATIVES_WRITE, Permission.CARDS_WRITE):
        assert permission not in publisher
    assert Permission.PLACEMENTS_READ not in advertiser


def test_operator__its_people__change_no_account() -> None:
    """L49: no role at the operator spends anybody's budget or makes keys for others."""
    assert permitted({Role.MODERATOR, Role.ADMIN}) & WRITES == {
        Permission.ACCOUNT_WRITE, Permission.SESSIONS_WRITE, Permission.MODERATION_WRITE, Permission.ADMIN_WRITE,
    }
    assert permitted({Role.AUDITOR}) >= {Permission.AUDIT_READ, Permission.ADMIN_READ, Permission.MODERATION_READ}


@given(ROLE_SETS, ROLE_SETS)
def test_permitted__more_roles__never_less_unless_an_auditor(some: frozenset[Role], more: frozenset[Role]) -> None:
    together = permitted(some | more)
    if Role.AUDITOR in some | more:
        assert together <= READ_ONLY
    else:
        assert together == permitted(some) | permitted(more)


def test_markdown__has_a_row_for_each_permission_and_a_column_for_each_role() -> None:
    lines = permissions_table().splitlines()
    assert len(lines) == 2 + len(Permission)
    assert {line.count("|") for line in lines} == {len(Role) + 3}


def test_public__every_reason__is_a_sentence() -> None:
    assert all(len(reason) > 10 and name.split()[1].startswith("/") for name, reason in PUBLIC.items())


# --- callers ------------------------------------------------------------------------------------------------------


def test_caller__of_a_personal_account__owns_it_on_both_sides() -> None:
    found = caller_of(standing(account=WALLET))
    assert found == Caller(WALLET, WALLET, permitted(member_roles(MemberRole.OWNER, Side)))
    assert found.actor == WALLET


@pytest.mark.parametrize("sides", [None, BOTH])
@pytest.mark.parametrize("platform", [frozenset(), frozenset({PlatformRole.MODERATOR})])
def test_caller__no_member__is_refused(sides: frozenset[Side] | None, platform: frozenset[PlatformRole]) -> None:
    """L49: in the same words whether or not the account is an organisation."""
    with pytest.raises(NotAllowed, match="not_a_member: you are not a member of the account"):
        caller_of(standing(sides=sides, platform=platform))


@pytest.mark.parametrize("role", [PlatformRole.ADMIN, PlatformRole.AUDITOR])
def test_caller__admin_or_auditor_on_another_account__only_reads_it(role: PlatformRole) -> None:
    found = caller_of(standing(platform=frozenset({role})))
    assert Permission.CAMPAIGNS_READ in found.permissions
    assert not found.permissions & WRITES & KEY_SCOPES


def test_caller__wallet_that_left_its_own_organisation__can_only_mind_itself() -> None:
    found = caller_of(standing(account=WALLET, sides=BOTH))
    assert found.permissions == {Permission.ACCOUNT_READ, Permission.ACCOUNT_WRITE, Permission.SESSIONS_WRITE}


@given(STANDINGS)
def test_caller__any_standing__may_no_more_than_its_roles(held: Standing) -> None:
    try:
        found = caller_of(held)
    except NotAllowed:
        assert held.account != held.wallet
        return
    if PlatformRole.AUDITOR in held.platform:
        assert found.permissions <= READ_ONLY
    if held.account != held.wallet and held.member is None:
        assert not found.permissions & {Permission.CAMPAIGNS_WRITE, Permission.PLACEMENTS_WRITE, Permission.KEYS_WRITE}


@given(STANDINGS, st.frozensets(st.sampled_from(Permission)))
def test_key__any_maker_and_scopes__may_no_more_than_either(held: Standing, scopes: frozenset[Permission]) -> None:
    """L48."""
    found = key_caller(held, "5f2b9c01a7de", [scope.value for scope in scopes])
    assert found.actor == "key:5f2b9c01a7de"
    assert found.permissions <= scopes & KEY_SCOPES
    try:
        maker = caller_of(held).permissions
    except NotAllowed:
        maker = frozenset()
    assert found.permissions <= maker


def test_key__scopes__never_reach_keys_members_or_sessions() -> None:
    """L48."""
    assert not KEY_SCOPES & NEVER_BY_KEY
    assert not KEY_SCOPES & {Permission.MODERATION_WRITE, Permission.ADMIN_READ, Permission.ADMIN_WRITE}
