"""Sign-In with Ethereum over HTTP: nonce → verify → session; me; logout."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.problems import responses
from backend.api.session import COOKIE, Bearer, Cookie, check_same_origin, current_session, token_of
from backend.auth.message import MESSAGE_CHARACTERS_MAX
from backend.auth.service import NONCE_SECONDS, AuthService
from backend.auth.session import Session

_MESSAGE_EXAMPLE = (
    "127.0.0.1:8000 wants you to sign in with your Ethereum account:\n0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\n\n"
    "Sign in to Sightline.\n\nURI: http://127.0.0.1:8000\nVersion: 1\nChain ID: 31337\n"
    "Nonce: 1f0c9a52d5e84c0bb7f4d2f3a1b6c7d8\nIssued At: 2026-11-02T10:00:00Z\nExpiration Time: 2026-11-02T10:05:00Z"
)


class NonceAnswer(BaseModel):
    """A nonce for one sign-in."""

    nonce: str
    expires_in_seconds: int
    domain: str = Field(description="the message must be for this domain")
    uri: str = Field(description="the message's URI must be on this origin")
    chain_id: int


class VerifyBody(BaseModel):
    """An EIP-4361 message and its EIP-191 signature by an ordinary account (contract wallets come later)."""

    model_config = ConfigDict(extra="forbid")
    message: Annotated[str, Field(min_length=1, max_length=MESSAGE_CHARACTERS_MAX, examples=[_MESSAGE_EXAMPLE])]
    signature: Annotated[str, Field(min_length=2, max_length=20_000, examples=["0x" + "1b" * 65])]


class SessionAnswer(BaseModel):
    """A new session. The token is also set as a cookie; it is shown only once."""

    wallet: str
    token: str
    expires_at: datetime


class Me(BaseModel):
    """Who is signed in."""

    wallet: str
    chain_id: int
    expires_at: datetime


def router(service: AuthService) -> APIRouter:
    """Routes under /v1/auth."""
    api = APIRouter(prefix="/v1/auth", tags=["sign in"])

    @api.get("/nonce", summary="Get a nonce (good for 5 minutes and one try)", responses=responses())
    def get_nonce(response: Response) -> NonceAnswer:
        return _nonce(service, response)

    @api.post("/nonce", summary="Get a nonce (as GET, never cached on the way)", responses=responses())
    def post_nonce(response: Response) -> NonceAnswer:
        return _nonce(service, response)

    @api.post("/verify", summary="Sign in with a signed message", responses=responses(400, 401, 403))
    def verify(body: VerifyBody, request: Request, response: Response) -> SessionAnswer:
        check_same_origin(request, service.origin, required=False)
        opened = service.sign_in(body.message, body.signature)
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(
            COOKIE, opened.token, max_age=service.session_seconds, path="/", httponly=True, samesite="lax",
            secure=service.secure,
        )
        return SessionAnswer(wallet=opened.session.wallet, token=opened.token, expires_at=opened.session.expires_at)

    @api.get("/me", summary="Who is signed in", responses=responses(401))
    def me(session: Annotated[Session, Depends(current_session(service))]) -> Me:
        return Me(wallet=session.wallet, chain_id=session.chain_id, expires_at=session.expires_at)

    @api.post("/logout", status_code=204, summary="End the session", responses=responses(401, 403))
    def logout(request: Request, response: Response, bearer: Bearer, cookie: Cookie) -> None:
        service.sign_out(token_of(request, bearer, cookie, service.origin))
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=service.secure)

    return api


def _nonce(service: AuthService, response: Response) -> NonceAnswer:
    response.headers["Cache-Control"] = "no-store"
    return NonceAnswer(
        nonce=service.issue_nonce(), expires_in_seconds=NONCE_SECONDS, domain=service.domain, uri=service.origin,
        chain_id=service.chain_id,
    )
