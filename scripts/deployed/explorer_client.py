"""Asks an explorer with Etherscan's API (version 2) to publish a contract's source, and waits for its verdict.

Submit: POST https://api.etherscan.io/v2/api, module=contract, action=verifysourcecode, codeformat=vyper-json
(https://docs.etherscan.io/api-reference/endpoint/verifyvyper). Poll: GET, action=checkverifystatus, guid
(https://docs.etherscan.io/api-reference/endpoint/checkverifystatus). An error is HTTP 200 with status "0" and its text
in `result` (https://docs.etherscan.io/resources/common-error-messages).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import httpx

REQUEST_SECONDS_MAX = 60.0
KEY_VARIABLE = "EXPLORER_API_KEY"

Tell = Callable[[str], None]


class ExplorerError(Exception):
    """The explorer did not publish the source; the message says why and what to do."""


class ExplorerAway(ExplorerError):
    """No answer: it is down, or nothing is there."""


class ExplorerBusy(ExplorerAway):
    """It is there and says that it cannot answer now."""


class Verdict(Enum):
    """How a submission ended well."""

    VERIFIED = "verified"
    ALREADY_VERIFIED = "verified before"


@dataclass(frozen=True, slots=True)
class Submission:
    """What an explorer needs to rebuild a contract.

    `contract` is `path:Name`, `compiler` the version with its commit, `arguments` those of the constructor as
    the ABI encodes them, `transaction` the one that created it.
    """

    address: str
    contract: str
    compiler: str
    standard_json: str
    arguments: bytes
    transaction: str

    def fields(self) -> dict[str, str]:
        """The form of `verifysourcecode`.

        The documentation spells `constructorArguments`; for years the API knew only `constructorArguements`, and
        explorers of the same kind still do. Unknown fields are ignored, so both are sent.
        """
        arguments = self.arguments.hex()
        return {
            "module": "contract",
            "action": "verifysourcecode",
            "codeformat": "vyper-json",
            "contractaddress": self.address,
            "contractname": self.contract,
            "compilerversion": f"vyper:{self.compiler.split('+')[0]}",
            "optimizationUsed": "1",
            "sourceCode": self.standard_json,
            "constructorArguments": arguments,
            "constructorArguements": arguments,
        }


class Patience:
    """Asks again every `poll_seconds`, for as long as `seconds_max` from now; `tell` hears why."""

    def __init__(self, poll_seconds: float, seconds_max: float, tell: Tell) -> None:
        self._poll_seconds, self._seconds_max, self.tell = poll_seconds, seconds_max, tell
        self._deadline = time.monotonic() + seconds_max

    def wait(self, state: str) -> None:
        """Until the next time. Raises ExplorerError with the state when there is none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ExplorerError(f"{state}; gave up after {self._seconds_max:g} s. Run the same command again later")
        self.tell(state)
        time.sleep(min(self._poll_seconds, left))


class ExplorerClient:
    """One explorer, one chain. All methods raise ExplorerError.

    What the explorer may still change its mind about (it has not seen the contract yet, too many requests, out of
    order for a moment) is asked again every `poll_seconds` until `seconds_max` have passed.
    """

    def __init__(self, url: str, chain_id: int, key: str, *, poll_seconds: float = 5.0, seconds_max: float = 300.0):
        self._url = url.split("?")[0]
        self._chain_id = chain_id
        self._key = key
        self._poll_seconds = poll_seconds
        self._seconds_max = seconds_max
        self._http = httpx.Client(timeout=REQUEST_SECONDS_MAX, follow_redirects=False)

    def verify(self, submission: Submission, tell: Tell = lambda _: None) -> Verdict:
        """Submits and waits for the verdict; `tell` hears of each new state."""
        if not self._key:
            raise ExplorerError(f"set {KEY_VARIABLE}: the explorer answers nobody without a key")
        patience = Patience(self._poll_seconds, self._seconds_max, tell)
        guid = self._submit(submission, patience)
        return Verdict.ALREADY_VERIFIED if guid is None else self._verdict(guid, patience)

    def _submit(self, submission: Submission, patience: Patience) -> str | None:
        """The number of the request; None when the source was published before."""
        while True:
            try:
                status, result = self._ask("POST", submission.fields())
            except ExplorerBusy as busy:
                # Only an explorer that is there is asked again: nobody waits five minutes for a wrong address.
                patience.wait(str(busy))
                continue
            if status == "1":
                patience.tell(f"submitted as {result}")
                return result
            if "already verified" in result.lower():
                return None
            if not _is_temporary(result):
                raise ExplorerError(_explained(result))
            patience.wait(f"the explorer does not take the source: {result}")

    def _verdict(self, guid: str, patience: Patience) -> Verdict:
        while True:
            try:
                status, result = self._ask("GET", {"module": "contract", "action": "checkverifystatus", "guid": guid})
            except ExplorerAway as away:
                patience.wait(f"request {guid} has no verdict yet: {away}")
                continue
            if "already verified" in result.lower():
                return Verdict.ALREADY_VERIFIED
            if status == "1" and result.startswith("Pass"):
                return Verdict.VERIFIED
            if not (_is_temporary(result) or "pending" in result.lower()):
                raise ExplorerError(f"request {guid}: {_explained(result)}")
            patience.wait(f"request {guid} has no verdict yet: {result}")

    def _ask(self, method: str, fields: Mapping[str, str]) -> tuple[str, str]:
        """(status, result) of the answer. Raises ExplorerAway without the key, which the URL of a GET holds."""
        form = dict(fields) | {"apikey": self._key}
        where = {"chainid": str(self._chain_id)}
        try:
            if method == "POST":
                response = self._http.post(self._url, params=where, data=form)
            else:
                response = self._http.get(self._url, params=where | form)
        except httpx.HTTPError as error:
            raise ExplorerAway(f"no answer from the explorer at {self._url}: {type(error).__name__}") from None
        if response.status_code == 429 or response.status_code >= 500:
            raise ExplorerBusy(f"the explorer answers HTTP {response.status_code}")
        return _answer(response, self._url)


def _answer(response: httpx.Response, url: str) -> tuple[str, str]:
    try:
        answer = response.json()
        status, result = answer["status"], answer["result"]
    except (ValueError, KeyError, TypeError):
        status = result = None
    if not isinstance(status, str) or not isinstance(result, str):
        what = f"HTTP {response.status_code}, {response.text[:80]!r}"
        raise ExplorerError(f"{url} does not speak the explorer's API: {what}")
    return status, result


def _is_temporary(result: str) -> bool:
    # "Unable to locate ContractCode at 0x…": the explorer is a few blocks behind the chain.
    return any(text in result.lower() for text in ("rate limit", "unable to locate contractcode"))


def _explained(result: str) -> str:
    text = result.lower()
    if "api key" in text or "apikey" in text:
        return f'the explorer does not accept {KEY_VARIABLE}: "{result}". Version 2 wants a key of etherscan.io'
    if "chainid" in text:
        return f'the explorer does not know this chain: "{result}"'
    if text.startswith("fail"):
        return f'the explorer could not rebuild the contract: "{result}"'
    return f'the explorer refuses: "{result}"'
