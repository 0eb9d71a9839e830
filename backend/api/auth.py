"""Sign-In with Ethereum over HTTP: nonce → verify → session; one's sessions, renewed and ended."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.api.access import Access
from backend.api.fields import PathId
from backend.api.problems import responses
from backend.api.session import (
    check_same_origin,
    cookie_of,
    delete_cookie,
    set_cookie,
    visitor_of,
)
from backend.auth.caller import Caller
from backend.auth.message import MESSAGE_CHARACTERS_MAX
from backend.auth.permissions import Permission
from backend.auth.service import NONCE_SECONDS, AuthService
from backend.auth.session import OpenedSession, Session
from backend.auth.signature import SIGNATURE_BYTES_MAX
from backend.core.ids import Address

_WALLET = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
_TOKEN = "f3Zq0c7bF0p0c5J1u4m9aWnPzGd1xq8wQ2v7Lr6tYhE"   # noqa: S105 -- an example
_MESSAGE_EXAMPLE = (
    "127.0.0.1:8000 wants you to sign in with your Ethereum account:\n0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\n\n"
    "Sign in to Sightline.\n\nURI: http://127.0.0.1:8000\nVersion: 1\nChain ID: 31337\n"
    "Nonce: 1f0c9a52d5e84c0bb7f4d2f3a1b6c7d8\nIssued At: 2026-11-02T10:00:00Z\nExpiration Time: 2026-11-02T10:05:00Z"
)
_SESSION_EXAMPLE: JsonDict = {
    "id": 7, "created_at": "2026-11-02T10:00:00Z", "last_used_at": "2026-11-02T10:12:00Z",
    "expires_at": "2026-11-03T10:00:00Z", "ip_prefix": "203.0.113.0/24", "agent": "Firefox", "current": True,
}


class NonceAnswer(BaseModel):
    """A nonce for one sign-in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "nonce": "1f0c9a52d5e84c0bb7f4d2f3a1b6c7d8", "expires_in_seconds": 300, "domain": "127.0.0.1:8000",
        "uri": "http://127.0.0.1:8000", "chain_id": 31_337,
    }]})
    nonce: str
    expires_in_seconds: int
    domain: str = Field(description="the message must be for this domain")
    uri: str = Field(description="the message's URI must be on this origin")
    chain_id: int


class VerifyBody(BaseModel):
    """An EIP-4361 message and its signature: EIP-191 by an account's own key, or whatever the contract wallet at the
    address takes (EIP-1271), wrapped as EIP-6492 says when the wallet is not on the chain yet."""

    model_config = ConfigDict(extra="forbid")
    message: Annotated[str, Field(min_length=1, max_length=MESSAGE_CHARACTERS_MAX, examples=[_MESSAGE_EXAMPLE])]
    signature: Annotated[
        str, Field(min_length=2, max_length=2 + 2 * SIGNATURE_BYTES_MAX, examples=["0x" + "1b" * 65])
    ]


class SessionAnswer(BaseModel):
    """A session under a new token. The token is also set as a cookie; it is shown only once."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"wallet": _WALLET, "token": _TOKEN, "expires_at": "2026-11-03T10:00:00Z"}
    ]})
    wallet: str
    token: str
    expires_at: datetime


class Me(BaseModel):
    """Who is signed in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "wallet": _WALLET, "chain_id": 31_337, "expires_at": "2026-11-03T10:00:00Z", "account": _WALLET,
        "permissions": ["account.read", "campaigns.read"],
    }]})
    wallet: str
    chain_id: int
    expires_at: datetime
    account: str = Field(description="acted for, as Sightline-Account says")
    permissions: list[Permission] = Field(description="what you may do for this account")


class SessionItem(BaseModel):
    """A session of yours: when it was used (to the minute), from which network and browser."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SESSION_EXAMPLE]})
    id: int
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip_prefix: str = Field(description="/24 or /48; the address itself is not kept")
    agent: str
    current: bool


class SessionList(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_SESSION_EXAMPLE]}]})
    items: list[SessionItem]


class Ended(BaseModel):
    """How many sessions were ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ended": 2}]})
    ended: int


def router(service: AuthService, access: Access) -> APIRouter:
    """Routes under /v1/auth."""
    api = APIRouter(prefix="/v1/auth", tags=["sign in"])
    _add_sign_in(api, service)
    _add_session(api, service, access)
    _add_sessions(api, service, access)
    return api


def _add_sign_in(api: APIRouter, service: AuthService) -> None:

    @api.get("/nonce", summary="Get a nonce (good for 5 minutes and one try)", responses=responses())
    def get_nonce(response: Response) -> NonceAnswer:
        return _nonce(service, response)

    @api.post("/nonce", summary="Get a nonce (as GET, never cached on the way)", responses=responses())
    def post_nonce(response: Response) -> NonceAnswer:
        return _nonce(service, response)

    @api.post("/verify", summary="Sign in with a signed message", responses=responses(400, 401, 403))
    def verify(body: VerifyBody, request: Request, response: Response) -> SessionAnswer:
        """A session that the browser had until now ends."""
        check_same_origin(request, service.origin, required=False)
        opened = service.sign_in(
            body.message, body.signature, visitor_of(request), replaced=cookie_of(request, service.origin)
        )
        return _opened(response, service, opened)


def _add_session(api: APIRouter, service: AuthService, access: Access) -> None:
    Token = Annotated[str, Depends(access.token(Permission.SESSIONS_WRITE))]
    MyToken = Annotated[str, Depends(access.token(Permission.ACCOUNT_READ))]
    Me_ = Annotated[Caller, Depends(access.may(Permission.ACCOUNT_READ))]

    @api.get("/me", summary="Who is signed in", responses=responses(401))
    def me(caller: Me_, token: MyToken) -> Me:
        session = service.session(token)
        return Me(
            wallet=session.wallet, chain_id=session.chain_id, expires_at=session.expires_at, account=caller.account,
            permissions=sorted(caller.permissions),
        )

    @api.post("/rotate", summary="Get a new token for this session; the old one is dead at once",
              responses=responses(401, 403))
    def rotate(token: Token, response: Response) -> SessionAnswer:
        return _opened(response, service, service.rotate(token))

    @api.post("/logout", status_code=204, summary="End the session", responses=responses(401, 403))
    def logout(token: Token, response: Response) -> None:
        service.sign_out(token)
        delete_cookie(response, service.origin)


def _add_sessions(api: APIRouter, service: AuthService, access: Access) -> None:
    Token = Annotated[str, Depends(access.token(Permission.SESSIONS_WRITE))]
    MyToken = Annotated[str, Depends(access.token(Permission.ACCOUNT_READ))]
    Wallet = Annotated[Address, Depends(access.member(Permission.SESSIONS_WRITE))]

    @api.get("/sessions", summary="Your sessions, the last used first", responses=responses(401, 403))
    def sessions(token: MyToken) -> SessionList:
        current = service.session(token)
        found = service.sessions(current.wallet)
        return SessionList(items=[_item(session, current.id) for session in found])

    @api.delete("/sessions", summary="End all your sessions but this one", responses=responses(401, 403))
    def end_others(token: Token) -> Ended:
        return Ended(ended=service.end_other_sessions(token))

    @api.delete("/sessions/{session}", status_code=204, summary="End one of your sessions",
                responses=responses(401, 403, 404))
    def end(session: PathId, wallet: Wallet) -> None:
        service.end_session(wallet, session)


def _nonce(service: AuthService, response: Response) -> NonceAnswer:
    response.headers["Cache-Control"] = "no-store"
    return NonceAnswer(
        nonce=service.issue_nonce(), expires_in_seconds=NONCE_SECONDS, domain=service.domain, uri=service.origin,
        chain_id=service.chain_id,
    )


def _opened(response: Response, service: AuthService, opened: OpenedSession) -> SessionAnswer:
    set_cookie(response, service.origin, opened, service.seconds_left(opened.session))
    session = opened.session
    return SessionAnswer(wallet=session.wallet, token=opened.token, expires_at=session.expires_at)


def _item(session: Session, current: int) -> SessionItem:
    return SessionItem(
        id=session.id, created_at=session.created_at, last_used_at=session.last_used_at,
        expires_at=session.expires_at, ip_prefix=session.visitor.ip_prefix, agent=session.visitor.agent,
        current=session.id == current,
    )
