"""Shows the state of a deployment as tables that fit 80 columns, and as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scripts.deployed.deployment_state import (
    NO_HASH,
    NOBODY,
    Change,
    Epochs,
    Money,
    State,
    announced,
    changed_terms,
    usdc,
)

GOOD, BAD, ODD = "green", "bold red", "yellow"
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def show(console: Console, state: State, network: str, planned: Mapping[str, object], found: list[str]) -> None:
    """Prints all tables and, last, the verdict."""
    console.print(f"{network}, chain {state.chain_id}, block {state.block} of {moment(state.time)} UTC")
    for table in tables(state, planned):
        console.print(table)
    for problem in found:
        console.print(Text(f"PROBLEM: {problem}", style=BAD), soft_wrap=True)
    if not found:
        console.print(Text("OK: solvent, code as built here, roles as in the deployment's file", style=GOOD))


def tables(state: State, planned: Mapping[str, object]) -> Iterator[Table]:
    """One table a subject."""
    yield _money(state.money)
    yield _epochs(state)
    yield _roles(state)
    yield _terms(state, planned)
    yield _pauses(state)
    if state.changes:
        yield _changes(state)
    yield _code(state)


def as_json(state: State, network: str, found: list[str]) -> dict[str, object]:
    """Everything with full hashes; amounts in micro-USDC, times in Unix seconds."""
    money = {"escrow_owes": state.money.escrow_owes, "payout_owes": state.money.payout_owes}
    content = asdict(state) | {"network": network, "escape_at": state.escape_at}
    content["money"] |= money | {"solvent": state.money.solvent}
    for change, entry in zip(state.changes, content["changes"], strict=True):
        what, value = announced(change.kind, change.value)
        entry |= {"what": what, "new": value, "expires_at": change.expires_at, "stage": change.stage(state.time)}
    return content | {"ok": not found, "problems": found}


# --- the tables -----------------------------------------------------------------------------------------------------


def _money(money: Money) -> Table:
    table = _table("Solvency, in USDC")
    table.columns[1].justify = "right"
    table.add_row("escrow holds", usdc(money.escrow_balance))
    table.add_row(f"  budgets of {money.campaigns} campaigns", usdc(money.remaining))
    table.add_row(f"  reserved by {money.requests} requests", usdc(money.reserved))
    table.add_row("  fees not yet withdrawn", usdc(money.fees))
    table.add_row("  owes", usdc(money.escrow_owes))
    table.add_row(*_surplus(money.escrow_balance - money.escrow_owes), end_section=True)
    table.add_row("payout contract holds", usdc(money.payout_balance))
    table.add_row("  received from final epochs", usdc(money.settled))
    table.add_row("  paid to publishers", usdc(money.paid))
    table.add_row("  owes", usdc(money.payout_owes))
    table.add_row(*_surplus(money.payout_balance - money.payout_owes))
    return table


def _surplus(amount: int) -> tuple[str | Text, str | Text]:
    if amount < 0:
        return Text("  MISSING", style=BAD), Text(usdc(-amount), style=BAD)
    return "  more than it owes (donated)", usdc(amount)


def _epochs(state: State) -> Table:
    epochs, now = state.epochs, state.time
    table = _table("Epochs and roots")
    table.add_row("last final epoch", str(epochs.final) if epochs.final else "none yet")
    table.add_row("last root", short(epochs.last_root))
    table.add_row("active root", _active_root(state))
    for label, value in _pending(epochs, now):
        table.add_row(label, value)
    table.add_row("vetoed proposals", str(epochs.attempt))
    table.add_row("operator's last sign of life", moment(epochs.last_active_at, now))
    is_open = now >= state.escape_at
    table.add_row("withdrawals wait for epochs", Text(_until(state.escape_at, now), style=ODD if is_open else ""))
    return table


def _active_root(state: State) -> Text:
    epochs = state.epochs
    if epochs.active_root == epochs.last_root:
        return Text(short(epochs.active_root))
    return Text(f"{short(epochs.active_root)}, payments are paused", style=ODD)


def _pending(epochs: Epochs, now: int) -> Iterator[tuple[str, str | Text]]:
    pending = epochs.pending
    if pending is None:
        yield "pending proposal", "none"
        return
    yield "pending proposal", f"epoch {pending.epoch}, {short(pending.hash)}"
    if pending.active_at is None or pending.total is None or pending.root is None:
        yield "  ", Text("the node does not have its log", style=ODD)
        return
    yield "  root", short(pending.root)
    yield "  total", f"{usdc(pending.total)} USDC to {pending.publishers} publishers"
    yield "  can become final from", moment(pending.active_at, now)


def _roles(state: State) -> Table:
    roles = state.roles
    table = _table("Roles")
    table.add_row("owner", roles.owner)
    if roles.pending_owner != NOBODY:
        table.add_row("  offered to", Text(roles.pending_owner, style=ODD))
    for name in ("operator", "guardian", "treasury"):
        table.add_row(name, str(getattr(roles, name)))
    table.add_row("quorum", f"{roles.threshold} of {roles.attestor_count} attestors")
    for number, attestor in enumerate(roles.attestors, 1):
        table.add_row(f"  attestor {number}", attestor)
    if len(roles.attestors) < roles.attestor_count:
        table.add_row("  attestors without a name", Text(str(roles.attestor_count - len(roles.attestors)), style=BAD))
    return table


def _terms(state: State, planned: Mapping[str, object]) -> Table:
    terms, changed = state.terms, changed_terms(state.terms, planned)
    table = _table("Terms")

    def add(label: str, value: str, name: str = "") -> None:
        was = f" (deployed with {_in_unit(name, changed[name])})" if name in changed else ""
        table.add_row(label, Text(value + was, style=ODD if was else ""))

    add("fee", f"{percent(terms.fee_bps)}, at most {percent(terms.fee_bps_max)} for ever", "fee_bps")
    if terms.next_fee_bps is not None:
        add("  from epoch " + str(terms.next_fee_epoch), percent(terms.next_fee_bps))
    add("challenge window", duration(terms.window), "window")
    add("notice of a withdrawal", duration(terms.notice), "notice")
    add("timelock of changes", duration(terms.timelock))
    add("escape of withdrawals after", duration(terms.escape))
    return table


def _pauses(state: State) -> Table:
    table = _table("Pauses")
    for label, until in (
        ("deposits and proposals", state.escrow_paused_until),
        ("payments to publishers", state.payout_paused_until),
    ):
        if until > state.time:
            table.add_row(label, Text(f"paused until {moment(until, state.time)}", style=ODD))
        else:
            table.add_row(label, f"running; last paused until {moment(until)}" if until else "running; never paused")
    return table


def _changes(state: State) -> Table:
    table = _table("Announced changes")
    for change in state.changes:
        what, value = announced(change.kind, change.value)
        table.add_row(what, _value(change.kind, value))
        stage, since = _stage(change, state.time)
        table.add_row(stage, Text(moment(since, state.time), style=ODD))
    return table


def _in_unit(name: str, value: object) -> str:
    number = int(str(value))
    return percent(number) if name == "fee_bps" else duration(number)


def _value(kind: int, value: int | str) -> str:
    """A new value in its unit: basis points, seconds, a number of attestors, or an address."""
    if isinstance(value, str):
        return value
    return {6: percent, 7: duration, 8: duration}.get(kind, str)(value)


def _stage(change: Change, now: int) -> tuple[str, int]:
    """What the owner can do, and from or until when."""
    return {
        "waiting": ("  may be applied from", change.active_at),
        "applicable": ("  may be applied until", change.expires_at),
        "expired": ("  void, to be cancelled, since", change.expires_at),
    }[change.stage(now)]


def _code(state: State) -> Table:
    table = _table("Code")
    for code in state.code:
        table.add_row(code.name, code.address)
        verdict, style = (f"differs: {code.difference}", BAD) if code.difference else ("as built here", GOOD)
        table.add_row("  " + short(code.code_hash), Text(verdict, style=style))
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.add_column(no_wrap=True, min_width=30)
    table.add_column(overflow="fold", min_width=42)  # an address is never broken
    return table


# --- words ----------------------------------------------------------------------------------------------------------


def percent(bps: int) -> str:
    """250 -> "2.5 %"."""
    return f"{bps / 100:g} %"


def duration(seconds: int) -> str:
    """The two largest units: 93784 -> "1 d 2 h"."""
    parts = []
    for size, unit in UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def moment(unix: int, now: int | None = None) -> str:
    """A time in UTC and, seen from `now`, how far away it is."""
    words = datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if now is None:
        return words
    away = duration(abs(unix - now))
    return f"{words}, in {away}" if unix > now else f"{words}, {away} ago"


def short(hash_: str) -> str:
    """First and last digits of a hash; JSON has it whole."""
    return "none" if hash_ == NO_HASH else f"{hash_[:10]}…{hash_[-8:]}"


def _until(unix: int, now: int) -> str:
    return f"until {moment(unix, now)}" if unix > now else f"no longer, since {moment(unix, now)}"
