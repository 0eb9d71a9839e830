"""`ape run status`: what it shows of a deployment on a real anvil is what was done there, and what is wrong is told."""

import json
import os
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from escrow_kit.pair import (
    ATTESTOR_ADD,
    ATTESTOR_REMOVE,
    FEE,
    META,
    OPERATOR,
    UNLIMITED,
    USDC,
    WINDOW_KIND,
    Settlement,
    claim_arguments,
    range_arguments,
    settlement,
    word,
)
from escrow_kit.signing import domain, quorum
from hypothesis import given
from hypothesis import strategies as st
from live_pair import (
    ADVERTISER,
    ATTESTORS,
    GUARDIAN,
    OWNER,
    PARAMETERS,
    PUBLISHER,
    STRANGER,
    TREASURY,
    LivePair,
    run_ape,
)
from live_pair import OPERATOR as OPERATOR_KEY
from rich.console import Console

from backend.chain.client import Chain, WrongChain
from backend.core.errors import Unavailable
from backend.local import Stack, rpc, start_stack
from scripts.deployed.deployment_file import DeploymentFile, load_deployment
from scripts.deployed.deployment_state import (
    APPLY_SECONDS_MAX,
    NO_HASH,
    Change,
    State,
    announced,
    lanes_sum,
    problems,
    usdc,
)
from scripts.deployed.state_reader import StateReader
from scripts.deployed.status_tables import duration, moment, percent, show

NEW = "0x" + "ab" * 20


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A chain of this module's own."""
    env = {"PATH": os.environ.get("PATH", "")}
    base = tmp_path_factory.mktemp("chain")
    with start_stack(base, need=frozenset({"anvil"}), block_time_seconds=None, env=env, fast_unsafe=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deployments")


@pytest.fixture(scope="module")
def deployed(chain: Stack, folder: Path) -> LivePair:
    """Deployed once; tests take `live`."""
    return LivePair(chain.rpc_url, chain.chain_id, folder)


@pytest.fixture
def live(deployed: LivePair) -> Iterator[LivePair]:
    """The pair; what a test does to it is undone afterwards."""
    snapshot = rpc(deployed.rpc_url, "evm_snapshot")
    yield deployed
    rpc(deployed.rpc_url, "evm_revert", snapshot)


@pytest.fixture
def deployment(live: LivePair, folder: Path, monkeypatch: pytest.MonkeyPatch) -> DeploymentFile:
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(folder))
    return load_deployment(live.chain.chain_id)


class Look:
    """Reads the state again whenever it is asked."""

    def __init__(self, live: LivePair, deployment: DeploymentFile) -> None:
        self.live, self.deployment = live, deployment

    def state(self, **options: int) -> State:
        return StateReader(self.live.chain, self.deployment, **options).read()

    def problems(self) -> list[str]:
        return problems(self.state(), self.deployment.parameters)

    def text(self, width: int = 80) -> str:
        """What people see in a terminal of a width."""
        console = Console(width=width, record=True, file=open(os.devnull, "w"), highlight=False)  # noqa: SIM115, PTH123
        state = self.state()
        found = problems(state, self.deployment.parameters)
        show(console, state, "local", self.deployment.parameters, found)
        console.file.close()
        return console.export_text()


@pytest.fixture
def look(live: LivePair, deployment: DeploymentFile) -> Look:
    return Look(live, deployment)


# --- what people do with the contracts ------------------------------------------------------------------------------


def pass_time(live: LivePair, seconds: int) -> None:
    rpc(live.rpc_url, "evm_increaseTime", seconds)
    rpc(live.rpc_url, "evm_mine")


def open_campaigns(live: LivePair, *amounts: int) -> None:
    """One campaign for each amount, in micro-USDC."""
    live.send(live.token.functions.mint(ADVERTISER.address, sum(amounts)), STRANGER)
    live.send(live.token.functions.approve(live.escrow.address, UNLIMITED), ADVERTISER)
    for amount in amounts:
        live.send(live.escrow.functions.open_campaign(ADVERTISER.address, amount, META), ADVERTISER)


def propose(live: LivePair, what: Settlement) -> int:
    """Proposes the next epoch; when its window ends."""
    views = live.escrow.functions
    root, words_hash, total, publishers, ruleset, data_hash = what.terms
    message = {
        "epoch": views.epoch().call() + 1,
        "attempt": views.attempt().call(),
        "prevRoot": views.last_root().call(),
        "publishersRoot": root,
        "debitsHash": words_hash,
        "totalDebit": total,
        "publishers": publishers,
        "rulesetHash": ruleset,
        "dataHash": data_hash,
    }
    sigs = quorum(ATTESTORS[:2], domain("CampaignEscrow", "1", live.chain.chain_id, live.escrow.address), message)
    live.send(views.propose(*what.terms, sigs), OPERATOR_KEY)
    return live.now() + PARAMETERS.window_seconds


def settle(live: LivePair, what: Settlement) -> None:
    active_at = propose(live, what)
    pass_time(live, PARAMETERS.window_seconds)
    live.send(live.escrow.functions.finalize(what.root, what.total, active_at, what.words), STRANGER)


def configure(live: LivePair, kind: int, value: bytes) -> None:
    live.send(live.escrow.functions.propose_config(kind, value), OWNER)
    pass_time(live, PARAMETERS.timelock_seconds)
    live.send(live.escrow.functions.apply_config(kind, value), OWNER)


def earned(publisher: int) -> Settlement:
    """30 USDC of campaign 0 and 10 of campaign 4; 39 are the publishers', a fee of 2.5 % the platform's."""
    people = [(TREASURY.address, 0), (PUBLISHER.address, publisher), (STRANGER.address, 39 * USDC - publisher)]
    return settlement(people, {0: 30 * USDC, 4: 10 * USDC})


# --- solvency -------------------------------------------------------------------------------------------------------


def test_status__fresh_deployment__nothing_is_wrong_and_nothing_is_there(look: Look) -> None:
    state = look.state()
    money, epochs = state.money, state.epochs
    assert (money.escrow_balance, money.escrow_owes, money.payout_balance, money.payout_owes) == (0, 0, 0, 0)
    assert (epochs.final, epochs.pending, epochs.last_root, epochs.active_root) == (0, None, NO_HASH, NO_HASH)
    assert (state.changes, state.escrow_paused_until, state.payout_paused_until) == ((), 0, 0)
    assert look.problems() == []
    assert "OK: solvent, code as built here" in look.text()


def test_status__campaigns_reservation_epoch_and_payments__every_cent_is_accounted_for(
    live: LivePair, look: Look
) -> None:
    """What the contracts hold is what they owe."""
    open_campaigns(live, *(number * 100 * USDC for number in range(1, 7)))
    live.send(live.escrow.functions.request_withdrawal(5, 70 * USDC), ADVERTISER)
    what = earned(publisher=20 * USDC)
    settle(live, what)
    live.send(live.payout.functions.claim(*claim_arguments(what.tree, 1)), STRANGER)
    money = look.state().money
    assert (money.campaigns, money.requests) == (6, 1)
    assert money.reserved == 70 * USDC
    assert money.remaining == (2_100 - 70 - 40) * USDC
    assert money.fees == 1 * USDC
    assert money.escrow_balance == money.escrow_owes == 2_061 * USDC
    assert (money.settled, money.paid) == (39 * USDC, 20 * USDC)
    assert money.payout_balance == money.payout_owes == 19 * USDC

    live.send(live.payout.functions.pay_range(*range_arguments(what.tree, 0, what.tree.groups)), STRANGER)
    live.send(live.escrow.functions.withdraw_fees(), STRANGER)
    money = look.state().money
    assert (money.paid, money.payout_balance, money.payout_owes, money.fees) == (39 * USDC, 0, 0, 0)
    assert money.escrow_balance == money.escrow_owes
    assert look.problems() == []


def test_status__donated_tokens__are_shown_and_no_error(live: LivePair, look: Look) -> None:
    open_campaigns(live, 100 * USDC)
    for contract, amount in ((live.escrow, 5 * USDC), (live.payout, 7)):
        live.send(live.token.functions.mint(contract.address, amount), STRANGER)
    text = look.text()
    assert look.problems() == []
    assert [line.split("│")[2].strip() for line in text.splitlines() if "donated" in line] == ["5.000000", "0.000007"]


@pytest.mark.parametrize("contract", ["escrow", "payout"])
def test_status__contract_holds_less_than_it_owes__is_a_problem(live: LivePair, look: Look, contract: str) -> None:
    open_campaigns(live, *[100 * USDC] * 5)
    settle(live, earned(publisher=20 * USDC))
    owner = live.escrow if contract == "escrow" else live.payout
    owes = look.state().money.escrow_owes if contract == "escrow" else look.state().money.payout_owes
    rpc(live.rpc_url, "anvil_dealERC20", owner.address, live.token.address, hex(owes - 1))
    (problem,) = look.problems()
    assert f"is insolvent: it owes {usdc(owes)} USDC and holds {usdc(owes - 1)}" in problem
    assert "MISSING" in look.text()


@given(st.lists(st.lists(st.integers(0, 2**62 - 1), min_size=4, max_size=4), max_size=5), st.integers(0, 3))
def test_lanes_sum__any_budgets_and_flags__is_their_sum(groups: list[list[int]], flags: int) -> None:
    words = [sum((flags << 62 | budget) << (64 * lane) for lane, budget in enumerate(group)) for group in groups]
    assert lanes_sum(words) == sum(map(sum, groups))


# --- epochs and roots -----------------------------------------------------------------------------------------------


def test_status__pending_proposal__is_shown_with_its_window(live: LivePair, look: Look) -> None:
    open_campaigns(live, *[100 * USDC] * 5)
    what = earned(publisher=USDC)
    active_at = propose(live, what)
    state = look.state()
    pending = state.epochs.pending
    assert pending is not None
    assert bytes.fromhex(pending.hash[2:]) == live.escrow.functions.pending().call()
    assert (pending.epoch, pending.root) == (1, "0x" + what.root.hex())
    assert (pending.total, pending.publishers, pending.active_at) == (40 * USDC, 3, active_at)
    text = look.text()
    assert "epoch 1, " in text
    assert "40.000000 USDC to 3 publishers" in text
    assert f"{moment(active_at, state.time)}" in text

    live.send(live.escrow.functions.veto(1), GUARDIAN)
    vetoed = look.state().epochs
    assert (vetoed.pending, vetoed.attempt) == (None, 1)


def test_status__silent_operator__escape_is_counted_down_and_opens(live: LivePair, look: Look) -> None:
    state = look.state()
    assert state.escape_at == state.epochs.last_active_at + PARAMETERS.escape_seconds
    assert "until " in _line(look.text(), "withdrawals wait for epochs")
    pass_time(live, PARAMETERS.escape_seconds)
    assert "no longer, since" in _line(look.text(), "withdrawals wait for epochs")


# --- roles, terms, changes, pauses ----------------------------------------------------------------------------------


def test_status__roles_and_terms__are_those_of_the_file(look: Look) -> None:
    state = look.state()
    roles, terms = state.roles, state.terms
    assert (roles.owner, roles.operator, roles.guardian, roles.treasury) == PARAMETERS.roles
    assert {*roles.attestors} == {*PARAMETERS.attestors}
    assert (roles.threshold, roles.attestor_count) == (2, 3)
    assert (terms.window, terms.notice, terms.timelock, terms.escape) == PARAMETERS.terms[3:]
    assert (terms.fee_bps, terms.fee_bps_max, terms.next_fee_bps) == (250, 2_000, None)


def test_status__announced_changes__move_from_waiting_to_applicable_to_void(live: LivePair, look: Look) -> None:
    live.send(live.escrow.functions.propose_config(OPERATOR, word(NEW)), OWNER)
    live.send(live.escrow.functions.propose_config(WINDOW_KIND, word(1_800)), OWNER)
    live.send(live.escrow.functions.propose_config(FEE, word(100)), OWNER)
    live.send(live.escrow.functions.cancel_config(FEE, word(100)), OWNER)
    state = look.state()
    assert {(change.kind, change.stage(state.time)) for change in state.changes} == {
        (OPERATOR, "waiting"),
        (WINDOW_KIND, "waiting"),
    }
    text = look.text()
    assert NEW in text
    assert "30 min" in _line(text, "challenge window", last=True)
    assert text.count("may be applied from") == 2
    assert look.problems() == []

    pass_time(live, PARAMETERS.timelock_seconds)
    assert "may be applied until" in look.text()
    pass_time(live, APPLY_SECONDS_MAX + 1)
    assert look.text().count("void, to be cancelled, since") == 2
    live.send(live.escrow.functions.cancel_config(OPERATOR, word(NEW)), OWNER)
    assert [change.kind for change in look.state().changes] == [WINDOW_KIND]


def test_status__applied_change_of_a_role__is_told_until_the_file_knows(live: LivePair, look: Look) -> None:
    configure(live, OPERATOR, word(NEW))
    (problem,) = look.problems()
    assert problem.lower() == f"operator is {NEW}, the deployment's file says {PARAMETERS.operator}".lower()
    known = dict(look.deployment.parameters) | {"operator": NEW}
    assert problems(look.state(), known) == []


def test_status__attestors_that_changed__come_from_the_logs(live: LivePair, look: Look) -> None:
    configure(live, ATTESTOR_ADD, word(NEW))
    configure(live, ATTESTOR_REMOVE, word(ATTESTORS[0].address))
    roles = look.state().roles
    present = {address.lower() for address in roles.attestors}
    assert present == {NEW, ATTESTORS[1].address.lower(), ATTESTORS[2].address.lower()}
    assert look.problems() == [
        f"attestor {NEW} is not in the deployment's file",
        f"attestor {ATTESTORS[0].address.lower()} of the deployment's file is none any more",
    ]


def test_status__file_that_names_fewer_attestors__the_unnamed_are_counted(look: Look) -> None:
    parameters = dict(look.deployment.parameters) | {"attestors": [ATTESTORS[0].address]}
    look.deployment = replace(look.deployment, parameters=parameters)
    assert look.state().roles.attestors == (ATTESTORS[0].address,)
    assert look.problems() == ["2 of 3 attestors are neither in the file nor in the logs"]
    assert "attestors without a name" in look.text()


def test_status__offered_ownership_and_changed_fee__are_shown(live: LivePair, look: Look) -> None:
    live.send(live.escrow.functions.transfer_ownership(STRANGER.address), OWNER)
    configure(live, FEE, word(100))
    state = look.state()
    assert state.roles.pending_owner == STRANGER.address
    views = live.escrow.functions
    first = next(epoch for epoch in range(1, 10) if views.fee_bps_at(epoch).call() == 100)
    assert (state.terms.fee_bps, state.terms.next_fee_bps, state.terms.next_fee_epoch) == (250, 100, first)
    text = look.text()
    assert STRANGER.address in _line(text, "offered to")
    assert "1 %" in _line(text, f"from epoch {first}")
    assert look.problems() == []


def test_status__changed_window__says_what_it_was(live: LivePair, look: Look) -> None:
    configure(live, WINDOW_KIND, word(1_800))
    assert "30 min (deployed with 1 h)" in _line(look.text(), "challenge window")
    assert look.problems() == []


def test_status__pauses__are_told_apart(live: LivePair, look: Look) -> None:
    live.send(live.escrow.functions.pause(3_600), GUARDIAN)
    text = look.text()
    assert "paused until" in _line(text, "deposits and proposals")
    assert "running; never paused" in _line(text, "payments to publishers")

    open_later = live.now() + 3_600
    pass_time(live, 3_600)
    settle_possible = look.text()
    assert "running; last paused until" in _line(settle_possible, "deposits and proposals")
    open_campaigns(live, *[100 * USDC] * 5)
    settle(live, earned(publisher=USDC))
    live.send(live.payout.functions.pause(60), GUARDIAN)
    state = look.state()
    assert state.payout_paused_until > state.time >= open_later
    assert (state.epochs.active_root, state.epochs.last_root != NO_HASH) == (NO_HASH, True)
    assert "payments are paused" in look.text()


# --- code -----------------------------------------------------------------------------------------------------------


def test_status__other_code_on_the_chain__is_a_problem(live: LivePair, look: Look) -> None:
    code = live.web3.eth.get_code(live.payout.address)
    at = code.index(b"reserved")
    rpc(live.rpc_url, "anvil_setCode", live.payout.address, "0x" + code.replace(b"reserved", b"unserved").hex())
    (problem,) = look.problems()
    assert f"the code of PublisherPayout is not the local build: byte {at} of {len(code)} is 0x75" in problem
    assert "differs" in look.text()


# --- reading from nodes as they are ---------------------------------------------------------------------------------


class WilfulNode:
    """A node in front of the real one, with the ways of public ones.

    It refuses pages of logs wider than `blocks_max`, forgets the event `forgets`, and puts `extra` bytes into blocks.
    """

    def __init__(self, rpc_url: str, blocks_max: int = 10_000, forgets: str = "", extra: int = 0) -> None:
        self.rpc_url, self.blocks_max, self.forgets, self.extra = rpc_url, blocks_max, forgets, extra
        self.pages: list[tuple[int, int]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, body: bytes) -> bytes:
        question: Any = json.loads(body)
        is_logs = isinstance(question, dict) and question["method"] == "eth_getLogs"
        if is_logs:
            low, high = (int(question["params"][0][name], 16) for name in ("fromBlock", "toBlock"))
            if high - low + 1 > self.blocks_max:
                error = {"code": -32005, "message": f"query exceeds max block range {self.blocks_max}"}
                return json.dumps({"jsonrpc": "2.0", "id": question["id"], "error": error}).encode()
            self.pages.append((low, high))
        request = urllib.request.Request(self.rpc_url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: bytes = response.read()
        content = json.loads(answer)
        if is_logs and self.forgets:
            content["result"] = [log for log in content["result"] if log["topics"][0] != self.forgets]
        if self.extra and isinstance(content, dict) and "extraData" in (content["result"] or ()):
            content["result"]["extraData"] = "0x" + "d8" * self.extra
        return json.dumps(content).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer = node.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """The tests look at `pages`."""

        return Handler


def test_status__provider_that_refuses_wide_pages__is_asked_for_narrower_ones(
    live: LivePair, look: Look, deployment: DeploymentFile
) -> None:
    open_campaigns(live, *[100 * USDC] * 5)
    settle(live, earned(publisher=USDC))
    rpc(live.rpc_url, "anvil_mine", hex(300))
    expected = look.state()
    node = WilfulNode(live.rpc_url, blocks_max=40)
    with node as url:
        assert StateReader(Chain(url, live.chain.chain_id), deployment).read() == expected
    first, last = deployment.escrow.block, expected.block
    covered = [number for low, high in node.pages for number in range(low, high + 1)]
    assert covered == list(range(first or 0, last + 1)), "every block once, from the deployment's on"
    assert all(high - low < 40 for low, high in node.pages)
    assert look.state(log_blocks=7) == expected


def test_status__node_that_lost_logs__is_not_believed(live: LivePair, look: Look, deployment: DeploymentFile) -> None:
    open_campaigns(live, *[100 * USDC] * 5)
    settle(live, earned(publisher=USDC))
    with WilfulNode(live.rpc_url, forgets=live.escrow.events.Finalized().topic) as url:
        with pytest.raises(Unavailable, match="1 epochs are final, it has 0 of their logs"):
            StateReader(Chain(url, live.chain.chain_id), deployment).read()


def test_status__polygon_with_its_validators_in_every_block__is_read(
    live: LivePair, look: Look, deployment: DeploymentFile
) -> None:
    with WilfulNode(live.rpc_url, extra=97) as url:
        assert StateReader(Chain(url, live.chain.chain_id), deployment).read() == look.state()


@pytest.mark.parametrize("other", ["token", "nobody"])
def test_status__address_that_is_no_payout_contract__is_named(live: LivePair, look: Look, other: str) -> None:
    address = live.token.address if other == "token" else STRANGER.address
    record = replace(look.deployment.payout, address=address)
    look.deployment = replace(look.deployment, contracts=dict(look.deployment.contracts) | {record.name: record})
    with pytest.raises(WrongChain, match=f"{address} is not the contract of the deployment's file"):
        look.state()


def test_status__payout_contract_of_another_escrow__is_no_pair(live: LivePair, look: Look, tmp_path: Path) -> None:
    other = LivePair(live.rpc_url, live.chain.chain_id, tmp_path).payout.address
    record = replace(look.deployment.payout, address=other)
    look.deployment = replace(look.deployment, contracts=dict(look.deployment.contracts) | {record.name: record})
    with pytest.raises(WrongChain, match=f"{live.escrow.address} and {other} .* are not a pair"):
        look.state()


# --- what people see ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
def test_show__everything_at_once__fits_the_terminal_and_breaks_no_address(
    live: LivePair, look: Look, width: int
) -> None:
    open_campaigns(live, *[10**12 * USDC] * 5)
    settle(live, earned(publisher=USDC))
    propose(live, settlement([(TREASURY.address, 0), (PUBLISHER.address, 60 * USDC)], {0: USDC}))
    live.send(live.escrow.functions.propose_config(OPERATOR, word(NEW)), OWNER)
    live.send(live.escrow.functions.transfer_ownership(STRANGER.address), OWNER)
    live.send(live.payout.functions.pause(60), GUARDIAN)
    text = look.text(width)
    assert max(len(line) for line in text.splitlines()) <= width
    addresses = (NEW, *PARAMETERS.roles, *PARAMETERS.attestors, live.escrow.address, live.payout.address)
    assert [address for address in addresses if address not in text] == []
    assert usdc(look.state().money.remaining) in text


def test_words__units__are_what_people_say() -> None:
    assert usdc(1_234_567_890) == "1,234.567890"
    assert [percent(bps) for bps in (0, 250, 1_000, 1)] == ["0 %", "2.5 %", "10 %", "0.01 %"]
    assert [duration(seconds) for seconds in (0, 59, 3_600, 93_784)] == ["0 s", "59 s", "1 h", "1 d 2 h"]
    assert moment(1_700_000_000) == "2023-11-14 22:13:20"
    assert moment(1_700_000_000, 1_700_000_060) == "2023-11-14 22:13:20, 1 min ago"
    assert moment(1_700_000_000, 1_699_999_999) == "2023-11-14 22:13:20, in 1 s"


def test_announced__every_kind__has_a_name_and_a_value() -> None:
    assert announced(1, "0x" + "00" * 12 + "ab" * 20) == ("operator", NEW)
    assert announced(6, "0x" + word(300).hex()) == ("fee", 300)
    assert announced(77, "0x" + word(5).hex()) == ("kind 77", 5)
    change = Change(1, NO_HASH, active_at=100)
    stages = [change.stage(now) for now in (99, 100, 100 + APPLY_SECONDS_MAX, 101 + APPLY_SECONDS_MAX)]
    assert stages == ["waiting", "applicable", "applicable", "expired"]


def _line(text: str, label: str, *, last: bool = False) -> str:
    lines = [line for line in text.splitlines() if label in line]
    return lines[-1 if last else 0]


# --- the command ----------------------------------------------------------------------------------------------------


def test_status__command_on_an_insolvent_pair__prints_nothing_but_json_and_fails(live: LivePair, folder: Path) -> None:
    open_campaigns(live, 100 * USDC)
    rpc(live.rpc_url, "anvil_dealERC20", live.escrow.address, live.token.address, hex(1))
    failed = run_ape("status", folder, live.rpc_url, "--json")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    content = json.loads(failed.stdout)
    assert content["money"]["escrow_owes"] == 100 * USDC
    assert (content["ok"], content["money"]["solvent"]) == (False, False)
    assert "insolvent" in content["problems"][0]


def test_status__command_with_a_networks_name__asks_where_its_variable_says(tmp_path: Path) -> None:
    env = {"PATH": os.environ.get("PATH", "")}
    with start_stack(tmp_path / "chain", need=frozenset({"anvil"}), chain_id=80002, env=env, fast_unsafe=True) as amoy:
        live = LivePair(amoy.rpc_url, 80002, tmp_path)
        done = run_ape("status", tmp_path, "polygon:amoy:node", AMOY_RPC_URL=amoy.rpc_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "chain 80002" in done.stdout
    assert live.escrow.address in done.stdout
    assert "OK: solvent" in done.stdout
