"""Prints the state of a deployment: solvency, roots, epochs, roles, terms, pauses, announced changes, code.

    ape run status --network polygon:amoy:node
    ape run status --network http://127.0.0.1:8545 --json

Reads the contracts of `deployments/<chain id>.json` at one block and their logs since they were deployed, in pages that
providers answer. Sends nothing. The exit code is 1 when a contract is insolvent, its code is not what the sources here
make, or a role is not what the deployment's file says.
"""

import json
from typing import Any

import click
from ape.cli import ConnectedProviderCommand
from ape.logging import LogLevel, logger
from rich.console import Console

from backend.core.errors import SightlineError
from scripts.deployed.deployment_file import NoDeployment, load_deployment
from scripts.deployed.deployment_state import problems
from scripts.deployed.node_client import connect
from scripts.deployed.state_reader import LOG_BLOCKS, StateReader
from scripts.deployed.status_tables import as_json, show


class QuietForJson(ConnectedProviderCommand):
    """ape tells of connecting on standard output; with --json nothing but JSON may be there."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        if not ctx.params.get("is_json"):
            return super().invoke(ctx)
        with logger.at_level(LogLevel.ERROR):
            return super().invoke(ctx)


@click.command(cls=QuietForJson, help=__doc__)
@click.option("--json", "is_json", is_flag=True, help="Everything as one JSON object, hashes whole.")
@click.option(
    "--log-blocks",
    type=click.IntRange(min=1),
    default=LOG_BLOCKS,
    show_default=True,
    help="Blocks per page of logs; halved by itself when the provider wants less.",
)
def cli(is_json: bool, log_blocks: int, provider: Any, network: Any) -> None:
    chain_id: int = provider.chain_id
    progress = Console(stderr=True)
    try:
        deployment = load_deployment(chain_id)
        reader = StateReader(connect(provider), deployment, log_blocks=log_blocks)
        if progress.is_terminal:
            with progress.status("reading") as status:
                state = reader.read(status.update)
        else:
            state = reader.read()
    except NoDeployment as error:
        raise click.ClickException(str(error)) from error
    except SightlineError as error:
        raise click.ClickException(error.detail) from error
    found = problems(state, deployment.parameters)
    if is_json:
        click.echo(json.dumps(as_json(state, deployment.network, found), indent=2))
    else:
        show(Console(highlight=False), state, deployment.network, deployment.parameters, found)
    if found:
        raise SystemExit(1)
