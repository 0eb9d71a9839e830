"""Asks Sourcify (API version 2) to publish a contract's source: no key, many explorers read from it.

Submit: POST /v2/verify/{chain id}/{address} with the standard JSON input; poll: GET /v2/verify/{verification id}. An
error is an HTTP status with `customCode` and `message`. https://docs.sourcify.dev/docs/api/
"""

import json
from typing import Any

import httpx

from scripts.deployed.explorer_client import (
    REQUEST_SECONDS_MAX,
    ExplorerAway,
    ExplorerBusy,
    ExplorerError,
    Patience,
    Submission,
    Tell,
    Verdict,
)

SOURCIFY_URL = "https://sourcify.dev/server"
ALREADY_VERIFIED = "already_verified"


class SourcifyClient:
    """One Sourcify server, one chain. All methods raise ExplorerError; waiting is as in `ExplorerClient`."""

    def __init__(self, url: str, chain_id: int, *, poll_seconds: float = 5.0, seconds_max: float = 300.0) -> None:
        self._url = url.rstrip("/")
        self._chain_id = chain_id
        self._poll_seconds = poll_seconds
        self._seconds_max = seconds_max
        self._http = httpx.Client(timeout=REQUEST_SECONDS_MAX, follow_redirects=False)

    def verify(self, submission: Submission, tell: Tell = lambda _: None) -> Verdict:
        """Submits and waits for the verdict; `tell` hears of each new state."""
        patience = Patience(self._poll_seconds, self._seconds_max, tell)
        job = self._submit(submission, patience)
        return Verdict.ALREADY_VERIFIED if job is None else self._verdict(job, patience)

    def _submit(self, submission: Submission, patience: Patience) -> str | None:
        """The number of the job; None when the source was published before."""
        content = {
            "stdJsonInput": json.loads(submission.standard_json),
            "compilerVersion": submission.compiler,
            "contractIdentifier": submission.contract,
            "creationTransactionHash": submission.transaction,
        }
        while True:
            try:
                status, answer = self._ask("POST", f"/v2/verify/{self._chain_id}/{submission.address}", content)
            except ExplorerBusy as busy:
                # 429 also says that an earlier request for this contract is still being worked on.
                patience.wait(str(busy))
                continue
            if status == 202 and isinstance(answer.get("verificationId"), str):
                job = str(answer["verificationId"])
                patience.tell(f"submitted as {job}")
                return job
            if answer.get("customCode") == ALREADY_VERIFIED:
                return None
            raise ExplorerError(f"Sourcify refuses: {_reason(answer, status)}")

    def _verdict(self, job: str, patience: Patience) -> Verdict:
        while True:
            try:
                status, answer = self._ask("GET", f"/v2/verify/{job}")
            except ExplorerAway as away:
                patience.wait(f"job {job} has no verdict yet: {away}")
                continue
            error = answer.get("error")
            if isinstance(error, dict):
                if error.get("customCode") == ALREADY_VERIFIED:
                    return Verdict.ALREADY_VERIFIED
                raise ExplorerError(f"job {job}: Sourcify could not rebuild the contract: {_reason(error, status)}")
            if status != 200:
                raise ExplorerError(f"job {job}: {_reason(answer, status)}")
            if answer.get("isJobCompleted"):
                return self._judged(job, answer)
            patience.wait(f"job {job} is not finished")

    def _judged(self, job: str, answer: dict[str, Any]) -> Verdict:
        contract = answer.get("contract")
        if isinstance(contract, dict) and contract.get("match"):
            return Verdict.VERIFIED
        raise ExplorerError(f"job {job}: Sourcify finished without a match")

    def _ask(self, method: str, path: str, content: object = None) -> tuple[int, dict[str, Any]]:
        try:
            response = self._http.request(method, self._url + path, json=content)
        except httpx.HTTPError as error:
            raise ExplorerAway(f"no answer from Sourcify at {self._url}: {type(error).__name__}") from None
        if response.status_code == 429 or response.status_code >= 500:
            raise ExplorerBusy(f"Sourcify answers HTTP {response.status_code}: {response.text[:200]}")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ExplorerError(f"{self._url} is not Sourcify: HTTP {response.status_code}, {response.text[:80]!r}")
        return response.status_code, answer


def _reason(answer: dict[str, Any], status: int) -> str:
    return str(answer.get("message") or answer.get("customCode") or f"HTTP {status}")
