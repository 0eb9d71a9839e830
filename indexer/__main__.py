"""`python -m indexer`: the command line of the indexer."""

import logging
from pathlib import Path
from typing import Annotated, Literal

import typer

from indexer.config import Config, ConfigError, load_deployment
from indexer.digest import digest
from indexer.main import Halted, Refused, rebuild, run

EXIT_REFUSED, EXIT_HALTED = 2, 3


def main(
    database_url: Annotated[str, typer.Option(envvar="DATABASE_URL", help="PostgreSQL that holds the chain_* tables.")],
    rpc_url: Annotated[str, typer.Option(envvar="RPC_URL", help="JSON-RPC of the chain, http:// or https://.")],
    deployment: Annotated[Path, typer.Option(help="deployments/<chain id>.json of the contracts to mirror.")],
    confirmations: Annotated[int, typer.Option(help="Blocks below the head before readers may act on them.")] = 12,
    poll_seconds: Annotated[float, typer.Option(help="Pause between two looks at the head.")] = 1.0,
    proof: Annotated[
        Literal["receipts", "off"],
        typer.Option(help="receipts: prove each block against its receipts root. off: trust eth_getLogs."),
    ] = "receipts",
    once: Annotated[bool, typer.Option("--once", help="Stop at the head instead of following it.")] = False,
    drop: Annotated[bool, typer.Option("--rebuild", help="Drop every chain_* table, index again, stop.")] = False,
    show_digest: Annotated[bool, typer.Option("--digest", help="Print the digest of the tables at the end.")] = False,
) -> None:
    """Mirror every event of our contracts into the chain_* tables, and keep following the chain.

    Killed at any moment it goes on where it stopped. Exit codes: 0 stopped as told, 2 wrong chain, database or setting,
    3 the chain's facts do not add up (the reason stands in chain_cursor.halted).
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        config = Config(
            database_url=database_url,
            rpc_url=rpc_url,
            deployment=load_deployment(deployment),
            confirmations=confirmations,
            poll_seconds=poll_seconds,
            proof=proof,
            once=once,
        )
        (rebuild if drop else run)(config)
    except (ConfigError, Refused) as error:
        _leave(str(error), EXIT_REFUSED)
    except Halted as error:
        _leave(f"stopped for good, nothing was guessed: {error}", EXIT_HALTED)
    if show_digest:
        typer.echo(digest(database_url))


def _leave(message: str, code: int) -> None:
    typer.echo(f"indexer: {message}", err=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    typer.run(main)
