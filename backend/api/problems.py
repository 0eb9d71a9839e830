"""Every answer that is not success, as RFC 9457 problem+json with a stable `code`; CODES lists them all.

`python -m backend.api.problems` prints the table of docs/errors.md.
"""

import json
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from backend.core.errors import SightlineError
from backend.db.failures import DATABASE_UNAVAILABLE, REDIS_UNAVAILABLE

log = logging.getLogger("sightline.api")

MEDIA_TYPE = "application/problem+json"
FIELD_PROBLEMS_MAX = 20
PATH_CHARACTERS_MAX = 200
RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Meaning:
    """HTTP status of a code, and what it means (the `title` of the answer)."""

    status: int
    title: str


CODES: Mapping[str, Meaning] = {
    # the request itself
    "bad_request": Meaning(400, "The request cannot be read"),
    "malformed_json": Meaning(400, "The body is not JSON"),
    "invalid_request": Meaning(422, "A field is missing, unknown, of the wrong type or out of range; see `errors`"),
    "body_too_large": Meaning(413, "The body is larger than the limit"),
    "not_found": Meaning(404, "There is no such path"),
    "method_not_allowed": Meaning(405, "The path exists, but not for this method; see the Allow header"),
    "idempotency_key_reused": Meaning(409, "The Idempotency-Key was used before for a different request"),
    "url_not_allowed": Meaning(422, "A URL must be https (http on this machine only), without user name or password"),
    # stores and chain
    "internal": Meaning(500, "Our mistake; it is logged under `request_id`"),
    "database_unavailable": Meaning(503, "The database does not answer; nothing was changed, retry"),
    "redis_unavailable": Meaning(503, "Redis does not answer; retry"),
    "chain_unavailable": Meaning(503, "The chain's RPC does not answer; retry"),
    "wrong_chain": Meaning(503, "The operator's RPC serves another chain; nothing was changed"),
    # signing in
    "not_signed_in": Meaning(401, "No session, or it has expired"),
    "cross_site": Meaning(403, "A cookie was sent by a page of another origin; use the dashboard or a bearer token"),
    "siwe_message_malformed": Meaning(400, "Not an EIP-4361 message in canonical form"),
    "siwe_signature_malformed": Meaning(400, "Not a 65-byte low-s signature in hex"),
    "siwe_nonce_unknown": Meaning(401, "The nonce was never issued, is used, or is older than 5 minutes"),
    "siwe_wrong_domain": Meaning(401, "The message is for another domain"),
    "siwe_wrong_uri": Meaning(401, "The message's URI is on another origin"),
    "siwe_wrong_version": Meaning(401, "The message's version is not 1"),
    "siwe_wrong_chain": Meaning(401, "The message is for another chain"),
    "siwe_from_the_future": Meaning(401, "The message was issued more than 60 seconds in the future"),
    "siwe_too_old": Meaning(401, "The message was issued more than 5 minutes ago"),
    "siwe_no_expiration": Meaning(401, "The message has no expiration time"),
    "siwe_expired": Meaning(401, "The message has expired"),
    "siwe_not_yet_valid": Meaning(401, "The message is not valid yet"),
    "siwe_signature_invalid": Meaning(401, "The signature is not by this account (contract wallets come later)"),
    # campaigns, line items, creatives
    "campaign_unknown": Meaning(404, "You have no campaign with this id"),
    "campaign_ended": Meaning(409, "The campaign has ended, which is final"),
    "line_item_unknown": Meaning(404, "You have no line item with this id"),
    "bid_missing": Meaning(422, "Give the bid either per event or per thousand viewable impressions, not both"),
    "bid_not_whole": Meaning(422, "An amount per thousand must be a multiple of 1000 micro-USDC"),
    "bid_kind_mismatch": Meaning(422, "A price per thousand makes sense for vcpm only"),
    "cap_below_bid": Meaning(422, "A cap must allow at least one event"),
    "dates_out_of_range": Meaning(422, "ends_at must be after starts_at, both between 2020 and 2100"),
    "line_item_over": Meaning(422, "The line item would already be over"),
    "targeting_contradicts": Meaning(422, "The same value is targeted and excluded"),
    "world_not_found": Meaning(422, "Targeting names a world that does not exist"),
    "placement_not_found": Meaning(422, "Targeting names a placement that does not exist"),
    # publishers, worlds, placements
    "publisher_unknown": Meaning(404, "This wallet is not a publisher yet; create a world first"),
    "publisher_taken": Meaning(409, "A publisher's index belongs to another wallet; the operator must decide"),
    "world_unknown": Meaning(404, "You have no world with this id"),
    "placement_unknown": Meaning(404, "You have no placement with this id"),
    "floor_missing": Meaning(422, "Give the floor either per viewable impression or per thousand, not both"),
    "floor_not_whole": Meaning(422, "A floor per thousand must be a multiple of 1000 micro-USDC"),
    # decisions and events
    "world_paused": Meaning(409, "The placement's world is paused"),
    "placement_paused": Meaning(409, "The placement is paused"),
    "batch_too_large": Meaning(413, "Too many events in one batch"),
    "queue_full": Meaning(503, "Too many events wait to be stored; nothing of the batch was taken, retry"),
    "token_unknown": Meaning(404, "Not a click link of ours, or the ad is gone"),
    # settlements
    "settlement_unknown": Meaning(404, "There is no such epoch, or it has no published bundle yet"),
    "bundle_unknown": Meaning(404, "There is no such bundle or file"),
    "bundle_missing": Meaning(409, "The epoch's bundle is not there (yet)"),
    "bundle_too_large": Meaning(409, "A file of the bundle is larger than an attestor reads"),
    "publisher_not_in_epoch": Meaning(404, "The publisher has earned nothing up to this epoch"),
    "address_malformed": Meaning(400, "An address is 0x and 40 hex digits"),
    "signature_malformed": Meaning(400, "An attestation is 64 bytes (EIP-2098) in hex, with the lower s"),
    "attempt_over": Meaning(409, "The epoch is at another attempt"),
    "wrong_digest": Meaning(422, "The attestation is over another digest than this attempt's"),
    "wrong_signer": Meaning(422, "The attestation is not signed by the attestor it names"),
    "not_an_attestor": Meaning(422, "The escrow does not know this attestor"),
    "epoch_unknown": Meaning(409, "An epoch is on chain but not in our tables"),
    "epoch_changed": Meaning(409, "An epoch is not what its charges say"),
    "settlement_unavailable": Meaning(503, "The published settlements cannot be read; retry"),
}


class FieldProblem(BaseModel):
    """What is wrong with one field; never the value that was sent."""

    path: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details. `code` is for programs and stable; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    request_id: str | None = None
    errors: list[FieldProblem] | None = None


_SCHEMA = "#/components/schemas/{model}"


def responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """OpenAPI `responses` for the problems a route may answer with; 422 and 503 are always among them."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": _SCHEMA.format(model="Problem")}}},
        }
        for status in sorted({*statuses, 422, 503})
    }


def problem(
    request: Request, status: int, code: str, detail: str, *, retry_after_seconds: int | None = None,
    headers: Mapping[str, str] | None = None, extra: Mapping[str, object] | None = None,
) -> Response:
    """The answer itself. `extra` members never replace the standard ones."""
    known = CODES.get(code)
    content: dict[str, object] = {
        **(extra or {}),
        "type": f"urn:sightline:problem:{code}",
        "title": known.title if known else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": request.url.path[:PATH_CHARACTERS_MAX],
        "request_id": getattr(request.state, "request_id", None),
    }
    sent = dict(headers or {})
    if retry_after_seconds is not None:
        sent["Retry-After"] = str(retry_after_seconds)
    return Response(json.dumps(content, default=str), status, sent, MEDIA_TYPE)


def internal(request: Request, error: Exception) -> Response:
    """The answer to a mistake of ours: logged in full, told as nothing but its request id."""
    log.error("%s %s failed (request %s)", request.method, request.url.path,
              getattr(request.state, "request_id", None), exc_info=error)
    return problem(request, 500, "internal", "something went wrong on our side")


def install(app: FastAPI) -> None:
    """Make `app` answer every error as problem+json. Unexpected ones are caught by limits.protect, outside of this."""
    app.add_exception_handler(SightlineError, _refusal)
    app.add_exception_handler(RequestValidationError, _validation)
    for status in HTTPStatus:
        if status >= 400:
            app.add_exception_handler(status, _http)
    for classes, code in ((DATABASE_UNAVAILABLE, "database_unavailable"), (REDIS_UNAVAILABLE, "redis_unavailable")):
        for failure in classes:
            app.add_exception_handler(failure, _unavailable(code))
    _describe(app)


def codes_table() -> str:
    """CODES as a markdown table, sorted by status and code."""
    rows = sorted(CODES.items(), key=lambda item: (item[1].status, item[0]))
    lines = ["| Status | Code | Meaning |", "|---|---|---|"]
    return "\n".join(lines + [f"| {meaning.status} | `{code}` | {meaning.title} |" for code, meaning in rows]) + "\n"


def _describe(app: FastAPI) -> None:
    """Put Problem among the schemas of OpenAPI; `responses` points there, and FastAPI only adds models of 200s."""
    described = app.openapi

    def openapi() -> dict[str, object]:
        schema = described()
        problem_schema = Problem.model_json_schema(ref_template=_SCHEMA)
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas |= {**problem_schema.pop("$defs"), "Problem": problem_schema}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this way of extending the schema


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, SightlineError)
    if error.code in ("chain_unavailable", "wrong_chain"):      # which node we ask is nobody's business
        log.warning("%s %s: %s", request.method, request.url.path, error)
        return _not_now(request, error.code)
    wait = error.retry_after_seconds
    if wait is None and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = RETRY_AFTER_SECONDS
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
    return problem(request, error.status, error.code, error.detail, retry_after_seconds=wait, headers=headers,
                   extra=error.extra)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()[:FIELD_PROBLEMS_MAX]
    if any(item["type"] == "json_invalid" for item in found):
        return problem(request, 400, "malformed_json", "the body is not valid JSON")
    fields = [{"path": _path(item["loc"]), "message": str(item["msg"])} for item in found]
    detail = "; ".join(f"{field['path']}: {field['message']}" for field in fields[:3])
    return problem(request, 422, "invalid_request", detail, extra={"errors": fields})


def _path(location: tuple[object, ...]) -> str:
    """`body.targeting.worlds[0]`; cut, because an unknown field's name is the caller's text."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".")[:PATH_CHARACTERS_MAX]


_HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}


async def _http(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 500))
    code = _HTTP_CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    known = CODES.get(code)
    detail = str(getattr(error, "detail", "")) or (known.title if known else HTTPStatus(status).phrase)
    return problem(request, status, code, detail, headers=getattr(error, "headers", None))


def _unavailable(code: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        log.warning("%s %s: %s: %s", request.method, request.url.path, code, type(error).__name__)
        return _not_now(request, code)

    return answer


def _not_now(request: Request, code: str) -> Response:
    detail = f"{CODES[code].title[0].lower()}{CODES[code].title[1:]}"
    return problem(request, 503, code, detail, retry_after_seconds=RETRY_AFTER_SECONDS)


if __name__ == "__main__":
    sys.stdout.write(codes_table())
