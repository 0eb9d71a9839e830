"""`ape run verify`: the standard JSON input rebuilds what is on the chain, and an explorer takes it.

The chain is a real anvil, the compiler is Vyper's own, the explorer is `explorer_stand_in`, which judges by itself.
"""

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from explorer_stand_in import KEY, PASS, ExplorerStandIn
from live_pair import deploy_with_ape, run_ape
from sourcify_stand_in import SourcifyStandIn

from backend.chain.client import Chain
from backend.local import Stack, start_stack
from scripts.deployed.creation_code import DoesNotMatch, first_created_by
from scripts.deployed.deployment_file import DeploymentFile, NoDeployment, load_deployment
from scripts.deployed.explorer_client import ExplorerClient, ExplorerError, Submission, Verdict
from scripts.deployed.sourcify_client import SourcifyClient
from scripts.deployed.standard_json import CannotRebuild, build, difference, runtime_difference, standard_json
from scripts.verify import Proven, chosen_contracts, explorer_for, explorer_of, prove

OURS = ("MockUSDC", "CampaignEscrow", "PublisherPayout")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A chain of this module's own, with one deployment on it."""
    env = {"PATH": os.environ.get("PATH", "")}
    base = tmp_path_factory.mktemp("chain")
    with start_stack(base, need=frozenset({"anvil"}), block_time_seconds=None, env=env, fast_unsafe=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def folder(chain: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deployments' folder after `ape run deploy`."""
    folder = tmp_path_factory.mktemp("deployments")
    deploy_with_ape(chain.rpc_url, folder)
    return folder


@pytest.fixture
def deployment(chain: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> DeploymentFile:
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(folder))
    return load_deployment(chain.chain_id)


@pytest.fixture
def reader(chain: Stack) -> Chain:
    return Chain(chain.rpc_url, chain.chain_id)


@pytest.fixture
def proven(reader: Chain, deployment: DeploymentFile) -> dict[str, Proven]:
    """The deployed contracts by name, each proven."""
    return {one.record.name: one for one in prove(reader, deployment, chosen_contracts(deployment, ()))}


@pytest.fixture
def explorer(chain: Stack) -> Iterator[ExplorerStandIn]:
    with ExplorerStandIn(chain.rpc_url, chain.chain_id) as explorer:
        yield explorer


def client(explorer: ExplorerStandIn, key: str = KEY, chain_id: int = 31337, seconds: float = 60) -> ExplorerClient:
    return ExplorerClient(explorer.url, chain_id, key, poll_seconds=0.05, seconds_max=seconds)


def altered(submission: Submission, path: str, old: str, new: str) -> Submission:
    """The submission with a change in one of its sources."""
    content = json.loads(submission.standard_json)
    source = content["sources"][path]["content"]
    assert source.count(old) >= 1
    content["sources"][path]["content"] = source.replace(old, new, 1)
    return replace(submission, standard_json=json.dumps(content))


# --- the proof ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_standard_json__every_contract__holds_all_sources_and_settings(name: str) -> None:
    content = json.loads(standard_json(name))
    settings = content["settings"]
    assert content["language"] == "Vyper"
    assert (settings["evmVersion"], settings["optimize"], settings["search_paths"]) == ("cancun", "gas", ["."])
    (source,) = settings["outputSelection"]
    assert Path(source).stem == name
    assert all(list(value) == ["content"] for value in content["sources"].values())
    modules = {Path(path).stem for path in content["sources"]} - {name}
    imported = {"auto_pause", "eip712_domain", "signatures", "IPublisherPayout", "IUsdc"}
    assert modules >= imported or name == "MockUSDC"


def test_prove__deployed_pair__finds_arguments_of_all_three(
    proven: dict[str, Proven], deployment: DeploymentFile
) -> None:
    assert set(proven) == set(OURS)
    token = bytes.fromhex(deployment.contracts["MockUSDC"].address[2:]).rjust(32, b"\0")
    assert proven["PublisherPayout"].creation.arguments == token
    assert proven["MockUSDC"].creation.arguments == b""
    escrow = proven["CampaignEscrow"].creation.arguments
    assert escrow.startswith(token)
    assert build(standard_json("PublisherPayout")).creation in escrow


def test_prove__other_address_than_created__is_told(reader: Chain, deployment: DeploymentFile) -> None:
    stranger = "0x" + "77" * 20
    wrong = {name: replace(record, address=stranger) for name, record in deployment.contracts.items()}
    moved = replace(deployment, contracts=dict(deployment.contracts) | {"PublisherPayout": wrong["PublisherPayout"]})
    with pytest.raises(DoesNotMatch, match=f"{stranger} is not the contract that {deployment.escrow.address} created"):
        list(prove(reader, moved, [wrong["PublisherPayout"]]))
    with pytest.raises(DoesNotMatch, match=f"created {deployment.escrow.address}, not {stranger}"):
        list(prove(reader, deployment, [wrong["CampaignEscrow"]]))


def test_prove__transaction_that_the_chain_does_not_have__is_told(reader: Chain, deployment: DeploymentFile) -> None:
    gone = replace(deployment.contracts["MockUSDC"], transaction="0x" + "12" * 32)
    with pytest.raises(DoesNotMatch, match="has no transaction 0x1212"):
        list(prove(reader, deployment, [gone]))


def test_prove__chain_has_other_code__names_the_byte(reader: Chain, deployment: DeploymentFile) -> None:
    """The token's transaction, taken for the escrow's, is another contract's code."""
    token, escrow = deployment.contracts["MockUSDC"], deployment.escrow
    swapped = replace(escrow, address=token.address, transaction=token.transaction)
    expected, found = (build(standard_json(name)).creation for name in ("CampaignEscrow", "MockUSDC"))
    first = next(at for at, byte in enumerate(expected) if found[at] != byte)
    with pytest.raises(DoesNotMatch, match=rf"CampaignEscrow: .* byte {first} of {len(expected)}, in the code, is 0x"):
        list(prove(reader, deployment, [swapped]))


def test_difference__one_byte__says_where_and_in_which_part() -> None:
    made = build(standard_json("MockUSDC"))
    length = len(made.creation)
    for at, part in ((10, "the code"), (length - 40, "the metadata")):
        other = bytearray(made.creation)
        other[at] ^= 0xFF
        words = difference(made.creation, bytes(other), made)
        assert words is not None
        assert f"byte {at} of {length}, in {part}" in words
        assert f"is 0x{other[at]:02x} instead of 0x{made.creation[at]:02x}; 1 bytes differ" in words
    assert difference(made.creation, made.creation, made) is None
    assert "equal up to byte 100, but 100 bytes long" in (difference(made.creation, made.creation[:100], made) or "")


def test_runtime_difference__immutables_may_be_anything_code_may_not() -> None:
    made = build(standard_json("PublisherPayout"))
    assert runtime_difference(made, made.runtime + b"\xab" * made.immutables) is None
    assert "bytes long instead of" in (runtime_difference(made, made.runtime) or "")
    assert runtime_difference(made, b"") == "there is no code"
    broken = b"\x00" + made.runtime[1:] + bytes(made.immutables)
    assert "byte 0 of" in (runtime_difference(made, broken) or "")


def test_build__source_missing__is_refused() -> None:
    """The folder it compiles in is empty: what is not in the input is not found."""
    content = json.loads(standard_json("PublisherPayout"))
    del content["sources"]["contracts/modules/signatures.vy"]
    with pytest.raises(CannotRebuild, match="signatures"):
        build(json.dumps(content))


def test_first_created_by__account_of_eip_161__is_the_documented_address() -> None:
    """keccak256(rlp([0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0, 1])), from the examples of CREATE addresses."""
    address = first_created_by("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert address == "0x343c43A37D37dfF08AE8C4A11544c718AbB4fCF8"


def test_load_deployment__nothing_deployed__says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(tmp_path))
    with pytest.raises(NoDeployment, match="ape run deploy"):
        load_deployment(137)
    (tmp_path / "137.json").write_text("{")
    with pytest.raises(NoDeployment, match="not a deployment's file"):
        load_deployment(137)


def test_chosen_contracts__unknown_name__lists_what_there_is(deployment: DeploymentFile) -> None:
    with pytest.raises(NoDeployment, match=r"it has .*CampaignEscrow"):
        chosen_contracts(deployment, ("Escrow",))
    assert [record.name for record in chosen_contracts(deployment, ("CampaignEscrow",))] == ["CampaignEscrow"]


# --- the explorer ---------------------------------------------------------------------------------------------------


def test_verify__whole_run__proves_writes_and_publishes(
    chain: Stack, folder: Path, explorer: ExplorerStandIn, tmp_path: Path
) -> None:
    options = ("--submit", "--explorer-url", explorer.url, "--poll-seconds", "0.05", "--output", str(tmp_path))
    done = run_ape("verify", folder, chain.rpc_url, *options, EXPLORER_API_KEY=KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    for name in OURS:
        assert f"{name}: verified\n" in done.stdout
        assert f"{name}: request" in done.stdout, "the explorer answers Pending first"
        assert (tmp_path / str(chain.chain_id) / f"{name}.json").read_text() == standard_json(name)
    arguments = (tmp_path / str(chain.chain_id) / "PublisherPayout.arguments.txt").read_text()
    assert [form["constructorArguments"] + "\n" for form in explorer.submitted][-1] == arguments


def test_explorer_for__choice__is_etherscan_with_the_key_or_sourcify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPLORER_API_KEY", raising=False)
    assert isinstance(explorer_for(80002, None, True, {}), SourcifyClient)
    assert isinstance(explorer_for(31337, "http://127.0.0.1:1/v2/api", False, {}), ExplorerClient)
    with pytest.raises(ExplorerError, match="chain 31337 has no explorer that we know; give --explorer-url"):
        explorer_for(31337, None, False, {})


def test_explorer_of__public_networks__is_version_two_of_the_api() -> None:
    for chain_id in (80002, 84532, 137, 8453):
        assert explorer_of(chain_id).startswith("https://api.etherscan.io/v2/api")


def test_submit__good_source__request_has_every_field(explorer: ExplorerStandIn, proven: dict[str, Proven]) -> None:
    submission = proven["PublisherPayout"].submission
    assert client(explorer).verify(submission) is Verdict.VERIFIED
    (form,) = explorer.submitted
    assert form["contractname"] == "contracts/PublisherPayout.vy:PublisherPayout"
    assert form["compilerversion"] == "vyper:0.4.3"
    assert form["contractaddress"] == submission.address
    assert form["optimizationUsed"] == "1"
    assert form["constructorArguments"] == form["constructorArguements"] == submission.arguments.hex()
    assert explorer.asked["checkverifystatus"] >= 2
    assert client(explorer).verify(submission) is Verdict.ALREADY_VERIFIED


def test_submit__wrong_key__is_told_once_and_the_key_is_not_shown(
    explorer: ExplorerStandIn, proven: dict[str, Proven]
) -> None:
    with pytest.raises(ExplorerError, match=r"does not accept EXPLORER_API_KEY.*Invalid API Key") as caught:
        client(explorer, key="SECRETBUTWRONG").verify(proven["MockUSDC"].submission)
    assert "SECRETBUTWRONG" not in str(caught.value)
    assert explorer.asked == {"verifysourcecode": 1}


def test_submit__no_key__asks_nobody(explorer: ExplorerStandIn, proven: dict[str, Proven]) -> None:
    with pytest.raises(ExplorerError, match="set EXPLORER_API_KEY"):
        client(explorer, key="").verify(proven["MockUSDC"].submission)
    assert explorer.asked == {}


def test_submit__altered_source__fails_with_the_explorers_reason(
    explorer: ExplorerStandIn, proven: dict[str, Proven]
) -> None:
    good = proven["PublisherPayout"].submission
    other_code = altered(good, "contracts/PublisherPayout.vy", '"proof"', '"poorf"')
    with pytest.raises(ExplorerError, match=r"could not rebuild.*does NOT match"):
        client(explorer).verify(other_code)
    no_code = altered(good, "contracts/PublisherPayout.vy", "@external", "@extern")
    with pytest.raises(ExplorerError, match=r"could not rebuild.*Compilation error"):
        client(explorer).verify(no_code)


def test_submit__arguments_missing_or_wrong__are_refused(explorer: ExplorerStandIn, proven: dict[str, Proven]) -> None:
    good = proven["PublisherPayout"].submission
    with pytest.raises(ExplorerError, match="takes arguments, none were provided"):
        client(explorer).verify(replace(good, arguments=b""))
    with pytest.raises(ExplorerError, match="Constructor arguments do not match"):
        client(explorer).verify(replace(good, arguments=bytes(32)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"compiler": "0.4.99+commit.bff19ea2"}, "compilerversion"),
        ({"address": "0x1234"}, "Invalid address format"),
        ({"contract": "PublisherPayout"}, "path:Name"),
        ({"contract": "contracts/Other.vy:Other"}, "Unable to find contracts/Other.vy"),
        ({"standard_json": "{}"}, "not a standard JSON input"),
        ({"standard_json": ""}, "Missing or invalid parameter: sourceCode"),
    ],
)
def test_submit__bad_field__is_refused_at_once(
    explorer: ExplorerStandIn, proven: dict[str, Proven], change: dict[str, str], message: str
) -> None:
    with pytest.raises(ExplorerError, match=message):
        client(explorer).verify(replace(proven["PublisherPayout"].submission, **change))
    assert explorer.asked == {"verifysourcecode": 1}


def test_submit__other_chain__is_told(explorer: ExplorerStandIn, proven: dict[str, Proven]) -> None:
    with pytest.raises(ExplorerError, match="does not know this chain"):
        client(explorer, chain_id=5).verify(proven["MockUSDC"].submission)


def test_submit__rate_limit_bad_gateway_and_slow_indexing__are_waited_for(
    explorer: ExplorerStandIn, proven: dict[str, Proven]
) -> None:
    submission = proven["MockUSDC"].submission
    explorer.limit_next, explorer.down_next = 2, 1
    explorer.unseen[submission.address.lower()] = 2
    told: list[str] = []
    assert client(explorer).verify(submission, told.append) is Verdict.VERIFIED
    assert [state for state in told if "rate limit" in state]
    assert [state for state in told if "HTTP 502" in state]
    assert [state for state in told if "Unable to locate ContractCode" in state]


def test_submit__rate_limit_without_end__gives_up_at_the_deadline(
    explorer: ExplorerStandIn, proven: dict[str, Proven]
) -> None:
    explorer.limit_next = 10**6
    with pytest.raises(ExplorerError, match=r"rate limit.*gave up after 0.3 s.*again later"):
        client(explorer, seconds=0.3).verify(proven["MockUSDC"].submission)
    assert explorer.asked["verifysourcecode"] > 1


def test_submit__nobody_there__is_told_without_waiting(proven: dict[str, Proven]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v2/api"
        down = ExplorerClient(url, 31337, KEY, poll_seconds=1, seconds_max=3600)
        with pytest.raises(ExplorerError, match=f"no answer from the explorer at {url}: ConnectError") as caught:
            down.verify(proven["MockUSDC"].submission)
    assert KEY not in str(caught.value)


def test_submit__not_an_explorer__is_told(explorer: ExplorerStandIn, proven: dict[str, Proven]) -> None:
    wrong = ExplorerClient(explorer.url + "/other", explorer.chain_id, KEY)
    with pytest.raises(ExplorerError, match="does not speak the explorer's API: HTTP 404"):
        wrong.verify(proven["MockUSDC"].submission)


def test_stand_in__status_of_unknown_request__is_refused(explorer: ExplorerStandIn) -> None:
    """The stand-in is strict: what it passes means something."""
    query = {"chainid": str(explorer.chain_id), "module": "contract", "action": "checkverifystatus", "apikey": KEY}
    status, body = explorer.answer("GET", query | {"guid": "x" * 50}, {})
    assert (status, json.loads(body)) == (200, {"status": "0", "message": "NOTOK", "result": "Invalid GUID"})
    assert PASS not in body.decode()


# --- Sourcify -------------------------------------------------------------------------------------------------------


@pytest.fixture
def sourcify(chain: Stack) -> Iterator[SourcifyStandIn]:
    with SourcifyStandIn(chain.rpc_url, chain.chain_id) as sourcify:
        yield sourcify


def sourcify_client(sourcify: SourcifyStandIn, chain_id: int = 31337) -> SourcifyClient:
    return SourcifyClient(sourcify.url, chain_id, poll_seconds=0.05, seconds_max=60)


def test_sourcify__twice_and_busy__waits_and_is_content(sourcify: SourcifyStandIn, proven: dict[str, Proven]) -> None:
    submission = proven["MockUSDC"].submission
    sourcify.busy_next = 2
    told: list[str] = []
    assert sourcify_client(sourcify).verify(submission, told.append) is Verdict.VERIFIED
    assert sourcify_client(sourcify).verify(proven["PublisherPayout"].submission) is Verdict.VERIFIED
    assert [state for state in told if "HTTP 429" in state]
    assert [state for state in told if "not finished" in state]
    assert sourcify_client(sourcify).verify(submission) is Verdict.ALREADY_VERIFIED


def test_sourcify__altered_source_bad_field_or_other_chain__is_told(
    sourcify: SourcifyStandIn, proven: dict[str, Proven]
) -> None:
    good = proven["PublisherPayout"].submission
    other_code = altered(good, "contracts/PublisherPayout.vy", '"proof"', '"poorf"')
    with pytest.raises(ExplorerError, match=r"could not rebuild.*don't match"):
        sourcify_client(sourcify).verify(other_code)
    with pytest.raises(ExplorerError, match="Sourcify refuses: compilerVersion"):
        sourcify_client(sourcify).verify(replace(good, compiler="0.4.3"))
    extra = json.dumps(json.loads(good.standard_json) | {"integrity": "00"})
    with pytest.raises(ExplorerError, match=r"unsupported top-level field.*integrity"):
        sourcify_client(sourcify).verify(replace(good, standard_json=extra))
    with pytest.raises(ExplorerError, match="Chain 5 not found"):
        sourcify_client(sourcify, chain_id=5).verify(good)


def test_sourcify__nobody_there__is_told_without_waiting(proven: dict[str, Proven]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ExplorerError, match=f"no answer from Sourcify at {url}: ConnectError"):
            SourcifyClient(url, 31337, poll_seconds=1, seconds_max=3600).verify(proven["MockUSDC"].submission)
