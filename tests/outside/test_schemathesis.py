"""Everything the OpenAPI document allows, and much that it does not, sent to the running system (L45).

`make test` sends a few requests to every route; `make fuzz` goes on for ten minutes, and follows links from what is
created to the routes that take its id. Whoever sends is signed in and an admin, so that little stops at 403.

One check of schemathesis is replaced: that what fits the schema is accepted. We refuse much that no schema can say (a
signature, dates in the past, an id that is not there), but never as `invalid_request`, which is about the form alone.
"""

import os
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case, CheckContext, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from backend.demo.cast import Cast
from backend.demo.client import ApiClient
from backend.demo.system import System

ADMIN = 2            # as in conftest.py

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
# the explicit phase walks the limits of every field; it takes minutes and is left to `make fuzz`
PHASES = [Phase.generate] if EXAMPLES == 1 else [Phase.explicit, Phase.generate]
SEND = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
pytestmark = pytest.mark.ignore_isolation        # titanoboa's plugin, whose snapshots these tests do not need


@pytest.fixture(scope="session")
def admin(system: System, cast: Cast) -> Iterator["Admin"]:
    client = ApiClient(system.url, cast.advertisers[ADMIN])
    yield Admin(client)
    client.close()


class Admin:
    """Signed in, and again whenever a request ended the session."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._client.sign_in()

    def headers(self) -> dict[str, str]:
        if self._client.status_of("/v1/auth/me") != 200:
            self._client.sign_in()
        return {"Authorization": str(self._client._http.headers["Authorization"])}


@pytest.fixture(scope="session")
def api(system: System) -> schemathesis.BaseSchema:
    config = SchemathesisConfig.from_dict({"generation": {"mode": "all"}})
    return schemathesis.openapi.from_url(f"{system.url}/openapi.json", config=config)


schema = schemathesis.pytest.from_fixture("api")


def what_fits_is_not_called_malformed(context: CheckContext, response: Response, case: Case) -> None:
    """In place of positive_data_acceptance."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code != 422:
        return
    assert response.json()["code"] != "invalid_request", response.json()


def send(case: Case, admin: Admin) -> None:
    excluded = [positive_data_acceptance]
    if case.operation.path == "/v1/events":      # a malformed event spoils only itself: the others are taken
        excluded.append(negative_data_rejection)
    case.call_and_validate(
        headers=admin.headers(), excluded_checks=excluded, additional_checks=[what_fits_is_not_called_malformed]
    )


@schema.parametrize()
@SEND
def test_route__anything__is_answered_as_documented(case: Case, admin: Admin) -> None:
    send(case, admin)
