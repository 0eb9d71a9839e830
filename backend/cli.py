"""`sightline`: every process and tool of the project behind one command."""

import logging
import os
import signal
import socket
import sys
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from backend.auth.permissions import PlatformRole
from backend.config import MissingSetting, RefusedSetting, Settings
from backend.core.errors import SightlineError
from backend.core.ids import address

app = typer.Typer(
    name="sightline",
    help="Advertising for virtual worlds that proves every cent.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


PORT = typer.Option(min=1, max=65_535, help="Port of the web page and the API; if it is taken, the next free one.")


class Proof(StrEnum):
    """How far `sightline index` trusts its RPC."""

    RECEIPTS = "receipts"
    OFF = "off"


def main() -> None:
    """Entry point of the `sightline` command."""
    try:
        app()
    except MissingSetting as missing:
        sys.exit(f"sightline: set {missing} in the environment")
    except RefusedSetting as refused:
        print(f"sightline: refused to start: {refused}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        from backend.db.failures import said_of_a_store  # with the stores' libraries, which help needs not

        said = said_of_a_store(error)
        if said is None:
            raise
        sys.exit(f"sightline: {said}")


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop when the story is told instead of serving on.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of every die that is thrown.")] = 1,
    port: Annotated[int, PORT] = 8000,
    viewers: Annotated[int, typer.Option(min=1, help="Viewers who walk past boards each second.")] = 24,
) -> None:
    """Play the whole money path on a local chain: deposits, ads, settlement, payouts, attacks; then check every law."""
    from backend.demo.run import DemoOptions, run_demo

    _log_to_stderr(logging.WARNING)
    raise typer.Exit(run_demo(DemoOptions(once=once, as_json=as_json, seed=seed, port=port, viewers=viewers)))


@app.command()
def up(
    base: Annotated[Path, typer.Option(file_okay=False, help="Where data and logs live.")] = Path(".sightline"),
    port: Annotated[int, PORT] = 8000,
) -> None:
    """Start PostgreSQL, Redis and anvil, deploy the contracts once, run every process; Ctrl-C stops all of it."""
    from backend.demo.up import run_up

    _log_to_stderr(logging.WARNING)
    raise typer.Exit(run_up(base, port))


@app.command()
def migrate(database_url: Annotated[str, typer.Option(envvar="DATABASE_URL", help="postgresql+psycopg://…")]) -> None:
    """Bring the SQL schema to the newest revision (safe to run twice)."""
    from backend.db.migrate import upgrade

    upgrade(database_url)
    typer.echo("migrate: the schema is up to date")


@app.command()
def grant(
    wallet: Annotated[str, typer.Argument(help="0x and 40 hex digits.")],
    role: Annotated[PlatformRole, typer.Argument(help="What the wallet shall be to the operator.")],
    database_url: Annotated[str, typer.Option(envvar="DATABASE_URL", help="postgresql+psycopg://…")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the role instead.")] = False,
) -> None:
    """Make a wallet moderator, admin or auditor of the platform, or take that role from it."""
    from backend.auth.platform.service import PlatformService
    from backend.db.engine import make_engine

    try:
        who = address(wallet)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    engine = make_engine(database_url, pool_size=1)
    try:
        if revoke:
            PlatformService(engine).revoke(who, role)
        else:
            PlatformService(engine).grant(who, role)
    except SightlineError as error:
        typer.echo(f"grant: {error.detail}", err=True)
        raise typer.Exit(1) from error
    finally:
        engine.dispose()
    typer.echo(f"grant: {who} is {'not ' if revoke else ''}{role}{' any more' if revoke else ''}")


@app.command()
def serve(
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is what SIGHTLINE_WORKERS says.")] = 0,
) -> None:
    """The API and the pages. Stateless: run as many as you like behind a load balancer."""
    from backend.main import server

    settings = _settings()
    with socket.socket() as probe:
        # the server shares its port with whoever allows it, and two systems on one port would each get half
        if probe.connect_ex((settings.host, settings.port)) == 0:
            sys.exit(f"sightline: somebody answers on {settings.host}:{settings.port} already; set SIGHTLINE_PORT")
    server.run("backend.main.server:serve_app", settings.host, settings.port, workers or settings.workers)


@app.command()
def worker() -> None:
    """All jobs: ingest consumer, ledger, budgets, epochs, keeper, tallies. Two workers share the work safely."""
    from backend.jobs.loop import run_loop
    from backend.main.worker import worker_loops

    _log_to_stderr(logging.INFO)
    loops = worker_loops(_settings())
    stop = _stop_on_signal()
    threads = [
        threading.Thread(
            target=run_loop, name=loop.name,
            args=(loop.name, loop.step, stop), kwargs={"idle_seconds": loop.idle_seconds},
        )
        for loop in loops
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@app.command()
def index(
    proof: Annotated[Proof, typer.Option(help="receipts: recompute each block's receipts root.")] = Proof.RECEIPTS,
) -> None:
    """Mirror the contracts' events into the `chain_*` tables; survives reorganisations and kill -9."""
    from backend.main.indexer import run_indexer

    _log_to_stderr(logging.INFO)
    run_indexer(_settings(), proof=proof.value, stop=_stop_on_signal())


@app.command()
def attest() -> None:
    """Recompute published settlements from their bundles alone and sign those that are right."""
    from backend.jobs.loop import run_loop
    from backend.main.attestor import attestor_loop

    _log_to_stderr(logging.INFO)
    loop = attestor_loop(_settings(of_operator=False))
    run_loop(loop.name, loop.step, _stop_on_signal(), idle_seconds=loop.idle_seconds)


@app.command("verify-epoch")
def verify_epoch(
    statement: Annotated[str, typer.Argument(help="Path or URL of a published statement.json.")],
    rpc_url: Annotated[str, typer.Option(envvar="RPC_URL", help="Any node of the statement's chain.")],
    escrow: Annotated[str | None, typer.Option(help="CampaignEscrow that it must belong to.")] = None,
    since_block: Annotated[int, typer.Option(help="Block of the escrow's deployment; saves public nodes work.")] = 0,
) -> None:
    """Recompute a settlement from its bundle and the chain. Prints OK, or each difference and exits 1."""
    from backend.jobs.verify_epoch import report
    from backend.jobs.verify_epoch import verify_epoch as compare

    _log_to_stderr(logging.WARNING)
    found = compare(rpc_url, statement, escrow=escrow, since_block=since_block)
    typer.echo(report(found))
    raise typer.Exit(1 if found else 0)


audit = typer.Typer(help="Check the audit log (see docs/operating.md).", no_args_is_help=True)
app.add_typer(audit, name="audit")
DatabaseUrl = Annotated[str, typer.Option(envvar="DATABASE_URL", help="postgresql+psycopg://…; reading is enough.")]


@audit.command("verify")
def audit_verify(
    database_url: DatabaseUrl,
    since: Annotated[int, typer.Option("--from", min=1, help="First entry to check, trusting the hash before.")] = 1,
    expect: Annotated[str | None, typer.Option(help="A head noted earlier, <sequence>:<hash>; must be met.")] = None,
) -> None:
    """Recompute the chain of the audit log. Prints OK and the head, or the first broken entry and exits 1."""
    from backend.core.audit_chain import head_of
    from backend.main.audit import verify_log

    try:
        expected = head_of(expect) if expect else None
    except ValueError as error:
        raise typer.BadParameter(f"--expect: {error}") from error
    found = verify_log(database_url, since=since, expected=expected)
    if found.broken:
        typer.echo(f"BROKEN at entry {found.broken.sequence}: {found.broken.reason}")
        raise typer.Exit(1)
    typer.echo(f"OK {found.entries} entries, head {found.head}")


@audit.command("head")
def audit_head(database_url: DatabaseUrl) -> None:
    """Print the newest head, <sequence>:<hash>; keep it where the database's owner cannot change it."""
    from backend.main.audit import log_head

    typer.echo(str(log_head(database_url)))


events = typer.Typer(help="Entries of the event stream that could not be stored.", no_args_is_help=True)
app.add_typer(events, name="events")
RedisUrl = Annotated[str, typer.Option(envvar="REDIS_URL", help="redis://…")]


@events.command("poison")
def events_poison(
    redis_url: RedisUrl,
    show: Annotated[str | None, typer.Option(help="Print this entry.")] = None,
    replay: Annotated[str | None, typer.Option(help="Put this entry, or `all`, into the stream again.")] = None,
    discard: Annotated[str | None, typer.Option(help="Forget this entry: its events are lost.")] = None,
) -> None:
    """List what was set aside with the reason, or do something about it (see docs/operating.md)."""
    from backend.main.events import line, page, poison

    if sum(map(bool, (show, replay, discard))) > 1:
        raise typer.BadParameter("one of --show, --replay and --discard at a time")
    try:
        service = poison(redis_url)
    except ValueError as error:
        raise typer.BadParameter(f"--redis-url: {error}") from error
    try:
        if show:
            typer.echo(page(service.show(show)))
        elif replay == "all":
            typer.echo(f"events: {service.put_all_back()} entries are in the stream again")
        elif replay:
            service.put_back(replay)
            typer.echo(f"events: {replay} is in the stream again")
        elif discard:
            service.discard(discard)
            typer.echo(f"events: {discard} is forgotten")
        else:
            typer.echo(f"events: {service.count()} entries are set aside")
            for one in service.waiting():
                typer.echo(line(one))
    except SightlineError as error:
        typer.echo(f"events: {error.detail}", err=True)
        raise typer.Exit(1) from error


def _settings(*, of_operator: bool = True) -> Settings:
    """Settings of the environment, or a message that names what is missing."""
    try:
        settings = Settings()
        if of_operator and settings.operator_lacks:
            names = ", ".join(_environment_name(field) for field in settings.operator_lacks)
            raise typer.BadParameter(f"missing in the environment: {names}")
        if not settings.deployment.exists():
            raise typer.BadParameter(
                f"no deployment file {settings.deployment}; run `ape run deploy` or set SIGHTLINE_DEPLOYMENT"
            )
        settings.check(of_operator=of_operator)
        return settings
    except ValidationError as error:
        names = ", ".join(_environment_name(str(problem["loc"][0])) for problem in error.errors())
        raise typer.BadParameter(f"missing or malformed in the environment: {names}") from error


def _environment_name(field: str) -> str:
    return field.upper() if field.lower() in {"database_url", "redis_url", "rpc_url"} else f"SIGHTLINE_{field.upper()}"


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _log_to_stderr(level: int) -> None:
    logging.basicConfig(
        level=os.environ.get("SIGHTLINE_LOG", logging.getLevelName(level)),
        format="%(asctime)s %(levelname).1s %(name)s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
