"""Organisations over HTTP: accounts one may act for, members, invitations. `Sightline-Account` says for which."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.access import Access
from backend.api.fields import Body, Name, PathId
from backend.api.problems import responses
from backend.auth.caller import Caller
from backend.auth.organisations.organisation import Invitation, Member, Membership, Organisation
from backend.auth.organisations.service import OrganisationService
from backend.auth.permissions import MemberRole, Permission, Side
from backend.core.ids import Address, address

_ADDRESS = r"^0x[0-9a-fA-F]{40}$"
_ACCOUNT, _WALLET = "0x" + "a1" * 20, "0x" + "c3" * 20
Wallet = Annotated[str, StringConstraints(pattern=_ADDRESS)]
PathWallet = Annotated[str, Path(pattern=_ADDRESS, description="a wallet")]


class OrganisationBody(Body):
    """What an account is called, and where it stands in the market."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"name": "Harbour Games", "sides": ["advertiser", "publisher"]}
    ]})
    name: Name
    sides: Annotated[list[Side], Field(min_length=1, max_length=2)]


class OrganisationAnswer(BaseModel):
    """An account. A personal one has no name, belongs to its wallet alone and stands on both sides."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"account": _ACCOUNT, "name": "Harbour Games", "sides": ["advertiser", "publisher"]}
    ]})
    account: str
    name: str | None
    sides: list[Side]


class AccountAnswer(OrganisationAnswer):
    """An account that you may act for, and as what."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"account": _ACCOUNT, "name": "Harbour Games", "sides": ["advertiser"], "role": "manager"}
    ]})
    role: MemberRole


class AccountList(BaseModel):
    items: list[AccountAnswer]


class MemberAnswer(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [
        {"wallet": _WALLET, "role": "manager", "created_at": "2026-11-02T10:00:00Z"}
    ]})
    wallet: str
    role: MemberRole
    created_at: datetime | None


class MemberList(BaseModel):
    items: list[MemberAnswer]


class MemberChange(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"role": "reporter"}]})
    role: MemberRole


class InvitationBody(Body):
    """Who is asked to join, and as what."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"wallet": _WALLET, "role": "manager"}]}
    )
    wallet: Wallet
    role: MemberRole


class InvitationAnswer(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{
        "id": 7, "account": _ACCOUNT, "name": "Harbour Games", "wallet": _WALLET, "role": "manager",
        "invited_by": _ACCOUNT, "expires_at": "2026-11-16T10:00:00Z",
    }]})
    id: int
    account: str
    name: str = Field(description="of the organisation")
    wallet: str
    role: MemberRole
    invited_by: str
    expires_at: datetime


class InvitationList(BaseModel):
    items: list[InvitationAnswer]


def router(service: OrganisationService, access: Access) -> APIRouter:
    """Routes under /v1/accounts, /v1/organisation and /v1/invitations."""
    api = APIRouter(prefix="/v1", tags=["organisations"])
    _add_organisation(api, service, access)
    _add_members(api, service, access)
    _add_invitations(api, service, access)
    _add_answers(api, service, access)
    return api


def _add_organisation(api: APIRouter, service: OrganisationService, access: Access) -> None:
    Myself = Annotated[Address, Depends(access.member(Permission.ACCOUNT_READ))]
    Reader = Annotated[Address, Depends(access.account(Permission.ORGANISATION_READ))]
    Owner = Annotated[Address, Depends(access.account(Permission.ORGANISATION_WRITE))]

    @api.get("/accounts", summary="The accounts that you may act for", responses=responses(401, 403))
    def accounts(wallet: Myself) -> AccountList:
        return AccountList(items=[_account(found) for found in service.accounts(wallet)])

    @api.get("/organisation", summary="The account acted for", responses=responses(401, 403))
    def read(account: Reader) -> OrganisationAnswer:
        return _organisation(service.organisation(account))

    @api.put("/organisation", summary="Name the account; the first time makes it an organisation with members",
             responses=responses(401, 403))
    def describe(body: OrganisationBody, account: Owner) -> OrganisationAnswer:
        return _organisation(service.describe(account, body.name, frozenset(body.sides)))


def _add_members(api: APIRouter, service: OrganisationService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.ORGANISATION_READ))]
    Owner = Annotated[Address, Depends(access.account(Permission.ORGANISATION_WRITE))]
    Leaver = Annotated[Caller, Depends(access.may(Permission.ACCOUNT_WRITE))]

    @api.get("/organisation/members", summary="Members of the account", responses=responses(401, 403))
    def members(account: Reader) -> MemberList:
        return MemberList(items=[_member(found) for found in service.members(account)])

    @api.patch("/organisation/members/{wallet}", summary="Give a member another role",
               responses=responses(401, 403, 404, 409))
    def change(wallet: PathWallet, body: MemberChange, account: Owner) -> MemberAnswer:
        return _member(service.change_role(account, address(wallet), body.role))

    @api.delete("/organisation/members/{wallet}", status_code=204, summary="Remove a member, and all keys it made",
                responses=responses(401, 403, 404, 409))
    def remove(wallet: PathWallet, account: Owner) -> None:
        service.remove(account, address(wallet))

    @api.post("/organisation/leave", status_code=204, summary="Leave the account acted for",
              responses=responses(401, 403, 404, 409))
    def leave(caller: Leaver) -> None:
        service.leave(caller.account, caller.member)


def _add_invitations(api: APIRouter, service: OrganisationService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.ORGANISATION_READ))]
    Owner = Annotated[Address, Depends(access.account(Permission.ORGANISATION_WRITE))]

    @api.post("/organisation/invitations", status_code=201, summary="Invite a wallet to join",
              responses=responses(401, 403, 409))
    def invite(body: InvitationBody, account: Owner) -> InvitationAnswer:
        """Good for 14 days. A second invitation of a wallet replaces the first, so the request can be repeated."""
        return _invitation(service.invite(account, address(body.wallet), body.role))

    @api.get("/organisation/invitations", summary="Open invitations of the account", responses=responses(401, 403))
    def invitations(account: Reader) -> InvitationList:
        return InvitationList(items=[_invitation(found) for found in service.invitations_by(account)])

    @api.delete("/organisation/invitations/{invitation}", status_code=204, summary="Take an invitation back",
                responses=responses(401, 403, 404))
    def withdraw(invitation: PathId, account: Owner) -> None:
        service.withdraw(account, invitation)


def _add_answers(api: APIRouter, service: OrganisationService, access: Access) -> None:
    Myself = Annotated[Address, Depends(access.member(Permission.ACCOUNT_READ))]
    Joiner = Annotated[Address, Depends(access.member(Permission.ACCOUNT_WRITE))]

    @api.get("/invitations", summary="Invitations to you", responses=responses(401, 403))
    def mine(wallet: Myself) -> InvitationList:
        return InvitationList(items=[_invitation(found) for found in service.invitations_to(wallet)])

    @api.post("/invitations/{invitation}/accept", summary="Join an organisation",
              responses=responses(401, 403, 404, 409))
    def accept(invitation: PathId, wallet: Joiner) -> AccountAnswer:
        return _account(service.accept(wallet, invitation))

    @api.delete("/invitations/{invitation}", status_code=204, summary="Decline an invitation",
                responses=responses(401, 403, 404))
    def decline(invitation: PathId, wallet: Joiner) -> None:
        service.decline(wallet, invitation)


def _organisation(found: Organisation) -> OrganisationAnswer:
    return OrganisationAnswer(account=found.wallet, name=found.name, sides=sorted(found.sides))


def _account(found: Membership) -> AccountAnswer:
    organisation = found.organisation
    return AccountAnswer(
        account=organisation.wallet, name=organisation.name, sides=sorted(organisation.sides), role=found.role
    )


def _member(found: Member) -> MemberAnswer:
    return MemberAnswer(wallet=found.wallet, role=found.role, created_at=found.created_at)


def _invitation(found: Invitation) -> InvitationAnswer:
    return InvitationAnswer(
        id=found.id, account=found.account, name=found.name, wallet=found.wallet, role=found.role,
        invited_by=found.invited_by, expires_at=found.expires_at,
    )
