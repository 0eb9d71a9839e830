"""Which permission each route needs, read from its dependencies; and the routes that need none, each with its reason.

A route that is neither guarded by access.py nor named here fails the tests: nothing is public by accident.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from backend.auth.permissions import Permission, permissions_table

PUBLIC: Mapping[str, str] = {
    # about the product itself
    "GET /openapi.json": "the description of the API is for everybody",
    "GET /docs": "the description of the API is for everybody",
    "GET /docs/{name}": "files of that page",
    "GET /": "the status page, which proves that the books balance",
    "GET /healthz": "for whoever restarts the process",
    "GET /readyz": "for the load balancer",
    "GET /v1/status": "the numbers of the status page; sums only",
    "GET /legal/privacy": "the privacy policy",
    "GET /legal/cookies": "the cookie notice",
    "GET /legal/processing": "the record of processing",
    # signing in
    "GET /v1/auth/nonce": "signing in begins here",
    "POST /v1/auth/nonce": "signing in begins here",
    "POST /v1/auth/verify": "signing in; the signature is the proof",
    # worlds and viewers
    "POST /v1/decisions": "worlds ask for ads; a decision token fixes all that concerns money",
    "POST /v1/events": "worlds report what was seen; the decision token is the proof",
    "GET /c/{token}": "viewers click; the decision token is the proof",
    "POST /openrtb2/bid": "exchanges ask; each sends its own token, which is no session",
    "GET /openrtb2/burl/{token}": "exchanges tell what is billable; the signed token is the proof",
    "POST /openrtb2/burl/{token}": "exchanges tell what is billable; the signed token is the proof",
    "GET /openrtb2/nurl/{token}": "exchanges tell what has won; nothing follows from it",
    "POST /openrtb2/nurl/{token}": "exchanges tell what has won; nothing follows from it",
    "POST /openrtb2/lurl/{token}": "exchanges tell what has lost; the signed token is the proof",
    "GET /openrtb2/lurl/{token}": "exchanges tell what has lost; the signed token is the proof",
    "GET /openrtb2/click/{token}": "viewers click; the signed token is the proof",
    "GET /openrtb2/track/{token}/{event}": "video players count; the signed token is the proof",
    "GET /openrtb2/vast/{token}": "video players fetch; the signed token is the proof",
    "GET /a/{sha256}": "what approved creatives show, for every viewer; the rest does not exist here",
    "GET /a/{sha256}/thumbnail": "as the asset itself",
    "GET /house/{name}": "the ad that placements in test mode show",
    # what anybody may check
    "GET /ads.txt": "who may sell on this origin (IAB)",
    "GET /app-ads.txt": "who may sell in apps of this origin (IAB)",
    "GET /sellers.json": "who is paid (IAB); publishers choose whether by name",
    "GET /v1/worlds/{world}/world-ads.txt": "who may sell in a world; to be put on the world's own host",
    "GET /v1/settlements": "settlements are published so that anybody can recompute them",
    "GET /v1/settlements/pending": "attestors look here for work",
    "GET /v1/settlements/{epoch}": "settlements are published so that anybody can recompute them",
    "GET /v1/settlements/{epoch}/proof/{publisher_index}": "anybody may claim for a publisher, who alone is paid",
    "GET /bundles/{chain_id}/{epoch}/{attempt}/{file}": "settlements are published so that anybody can recompute them",
    "GET /v1/audit/head": "whoever keeps the head can prove later that the log was changed; it tells nothing else",
    # signed in another way
    "POST /v1/settlements/{epoch}/{attempt}/attestations": "the attestor's signature is the proof",
    "POST /v1/conversions": "the advertiser's server signs with the goal's secret",
    "POST /v1/stripe/webhooks": "Stripe signs",
    "POST /v1/worlds/{world}/proof/scene": "the scene's signed fetch is the proof",
    "GET /v1/privacy/exports/{export_id}/download": "the link is signed and good for a day",
}

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Guarded:
    """A route with what it needs; `permission` is None when it has no guard."""

    method: str
    path: str
    permission: Permission | None
    parameters: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def reason(self) -> str | None:
        """Why it is public, if it is."""
        return PUBLIC.get(str(self))


def guarded_routes(app: FastAPI) -> list[Guarded]:
    """Every route of `app` by path and method, those outside of OpenAPI too."""
    found = (
        _guarded(route, method)
        for route in iter_route_contexts(app.routes)
        for method in METHODS
        if method in (getattr(route, "methods", None) or ())
    )
    return sorted(found, key=lambda route: (route.path, METHODS.index(route.method)))


def _guarded(route: RouteContext, method: str) -> Guarded:
    dependant = getattr(route, "dependant", None)
    needed = set(_permissions(dependant)) if dependant else set()
    if len(needed) > 1:
        raise ValueError(f"{method} {route.path} is guarded by several permissions: {sorted(needed)}")
    parameters = tuple(parameter.alias for parameter in dependant.path_params) if dependant else ()
    queries = tuple(parameter.alias for parameter in dependant.query_params) if dependant else ()
    return Guarded(method, str(route.path), next(iter(needed), None), parameters, queries)


def _permissions(dependant: Any) -> Iterator[Permission]:
    permission = getattr(dependant.call, "permission", None)
    if permission is not None:
        yield permission
    for inner in dependant.dependencies:
        yield from _permissions(inner)


_INTRODUCTION = """# Permissions

Made by `make generated` from `backend/auth/permissions.py` and from the routes; tests keep it up to date.

Who signs in acts for the account of its own wallet, as its owner and on both sides of the market. With
`Sightline-Account: 0x…` a member acts for an organisation, with the permissions of its role there and of the sides on
which the organisation stands. Moderators, admins and auditors are people of the operator; admins and auditors may name
any account and read it. An auditor changes nothing, not even in an account of its own. What is another account's is
answered like what does not exist.

The first admin is named in `SIGHTLINE_ADMIN_WALLETS` (wallets, separated by commas) or made by `sightline grant`;
admins make others over the API. Every change takes effect with the next request. Changes of these roles come one after
the other, so that of two admins who take each other's role at once one stays.

An API key has the scopes that it was given, as far as its maker still has them for the account; the last column says
which there are. It never makes keys, members or sessions.

## Roles

"""


def permissions_page(routes: Iterable[Guarded]) -> str:
    """docs/permissions.md."""
    everything = list(routes)
    rows = [f"| `{route}` | `{route.permission}` |" for route in everything if route.permission]
    public = [f"| `{route}` | {route.reason} |" for route in everything if not route.permission]
    return (
        _INTRODUCTION + permissions_table()
        + "\n## Routes\n\n| Route | Permission |\n|---|---|\n" + "\n".join(rows)
        + "\n\n## Public routes\n\n| Route | Why |\n|---|---|\n" + "\n".join(public) + "\n"
    )
