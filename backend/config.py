"""Configuration: the environment, read once by the composition root. Names are `SIGHTLINE_…` or a store's URL."""

import json
from functools import cached_property
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.core.ruleset import Ruleset


class MissingSetting(Exception):
    """The environment lacks what this process needs; the message is its name."""


class Settings(BaseSettings):
    """All settings with their defaults; `.env` is not read, so that a stray file never changes money."""

    model_config = SettingsConfigDict(env_prefix="SIGHTLINE_", extra="ignore")

    # the operator's stores and token key; `sightline attest` works without them and should not be given them
    database_url: str = Field(default="", validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    redis_url: str = Field(default="", validation_alias=AliasChoices("REDIS_URL", "redis_url"))
    token_key: SecretStr = SecretStr("")                 # signs decision tokens, hashes viewer keys; hex, >= 32 digits
    rpc_url: str = Field(validation_alias=AliasChoices("RPC_URL", "rpc_url"))
    deployment: Path = Path("deployments/31337.json")    # written by `ape run deploy`
    data_dir: Path = Path(".sightline")                  # bundles live in data_dir/bundles
    public_url: str = "http://127.0.0.1:8000"            # what browsers see; SIWE messages must name its host
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1

    operator_key: SecretStr | None = None                # worker: proposes, rolls, pays
    attestor_key: SecretStr | None = None                # attest: signs settlements
    settlement_url: str = "http://127.0.0.1:8000"        # attest: where bundles are published

    dns_servers: list[str] = []                          # `address` or `address:port`; empty: the machine's own
    fetch_local: bool = False                            # local stacks: strangers' URLs may be http and on loopback

    epoch_seconds: int = 3_600
    confirmations: int = 12
    catalogue_seconds: float = 0.5                       # how old the serving catalogue and budgets may be
    token_seconds: int = 120
    viewer_events_per_minute_max: int = 60
    fee_bps: int = 1_000
    session_hours: int = 24

    @property
    def operator_lacks(self) -> list[str]:
        """Fields without which no process of the operator can work, and which are not set."""
        needed = {"database_url": self.database_url, "redis_url": self.redis_url,
                  "token_key": self.token_key.get_secret_value()}
        return [name for name, given in needed.items() if not given]

    @cached_property
    def deployed(self) -> dict[str, object]:
        """The deployment file: chain id, contract addresses and blocks, parameters."""
        content: dict[str, object] = json.loads(self.deployment.read_text())
        return content

    @property
    def chain_id(self) -> int:
        return int(str(self.deployed["chain_id"]))

    def contract(self, name: str) -> str:
        """Lowercase address of a deployed contract."""
        contracts = self.deployed["contracts"]
        assert isinstance(contracts, dict)
        return str(contracts[name]["address"]).lower()

    def contract_block(self, name: str) -> int:
        """Block in which a contract was deployed."""
        contracts = self.deployed["contracts"]
        assert isinstance(contracts, dict)
        return int(contracts[name]["block"])

    @property
    def token(self) -> str:
        """Lowercase address of the USDC that the escrow holds: Circle's, or the mock of a local chain."""
        contracts = self.deployed["contracts"]
        assert isinstance(contracts, dict)
        return self.contract("USDC" if "USDC" in contracts else "MockUSDC")

    @property
    def token_key_bytes(self) -> bytes:
        return bytes.fromhex(self.token_key.get_secret_value())

    @property
    def ruleset(self) -> Ruleset:
        return Ruleset(
            token_seconds=self.token_seconds,
            viewer_events_per_minute_max=self.viewer_events_per_minute_max,
            fee_bps=self.fee_bps,
        )
