"""Configuration: the environment, read once by the composition root. Names are `SIGHTLINE_…` or a store's URL."""

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.core.ids import Address, address
from backend.core.public_secrets import LOCAL_CHAINS, password_weakness, secret_weakness, url_password_weakness
from backend.core.ruleset import Ruleset

SIGNING_ROLES = ("operator", "treasury", "attestor")


LOCAL_CHAIN = 31_337
SQL_SCHEMES = ("postgresql+psycopg", "postgresql", "postgres")
REDIS_SCHEMES = ("redis", "rediss", "unix")


class MissingSetting(Exception):
    """The environment lacks what this process needs; the message is its name."""


class RefusedSetting(Exception):
    """The environment holds what no process may start with; the message says what and why, never the value."""


class Settings(BaseSettings):
    """All settings with their defaults; `.env` is not read, so that a stray file never changes money."""

    model_config = SettingsConfigDict(env_prefix="SIGHTLINE_", extra="ignore")

    # the operator's stores and token key; `sightline attest` works without them and should not be given them
    database_url: str = Field(default="", validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    redis_url: str = Field(default="", validation_alias=AliasChoices("REDIS_URL", "redis_url"))
    token_key: SecretStr = SecretStr("")                 # signs decision tokens, hashes viewer keys; hex, >= 32 digits
    master_key: SecretStr = SecretStr("")                # other keys are derived from it; hex, >= 64 digits
    rpc_url: str = Field(validation_alias=AliasChoices("RPC_URL", "rpc_url"))
    deployment: Path = Path("deployments/31337.json")    # written by `ape run deploy`
    data_dir: Path = Path(".sightline")                  # bundles live in data_dir/bundles
    public_url: str = "http://127.0.0.1:8000"            # what browsers see; SIWE messages must name its host
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    workers: int = Field(default=1, ge=1)

    # signing keys, each given in one way: in hex (local chains only), as a keystore file, or as the id of a KMS key
    operator_key: SecretStr | None = None                # worker: proposes, rolls, pays
    operator_keystore: Path | None = None
    operator_keystore_password: SecretStr | None = None
    operator_keystore_password_file: Path | None = None
    operator_kms: str | None = None
    treasury_key: SecretStr | None = None                # worker: deposits what came by card; an account of its own
    treasury_keystore: Path | None = None
    treasury_keystore_password: SecretStr | None = None
    treasury_keystore_password_file: Path | None = None
    treasury_kms: str | None = None
    attestor_key: SecretStr | None = None                # attest: signs settlements
    attestor_keystore: Path | None = None
    attestor_keystore_password: SecretStr | None = None
    attestor_keystore_password_file: Path | None = None
    attestor_kms: str | None = None
    settlement_url: str = "http://127.0.0.1:8000"        # attest: where bundles are published

    dns_servers: list[str] = []                          # `address` or `address:port`; empty: the machine's own
    fetch_local: bool = False                            # local stacks: strangers' URLs may be http and on loopback

    rate_limits: Literal["auto", "on", "off"] = "auto"   # auto: on, except on a local chain
    traffic_flags: Literal["auto", "on", "off"] = "auto" # statistics of invalid traffic, fetching lists; auto: as above
    trusted_proxies: list[str] = []                      # networks whose X-Forwarded-For is believed, as 10.0.0.0/8

    stripe_key: SecretStr | None = None                  # cards and onramp; without it there are none
    stripe_webhook_secret: SecretStr | None = None       # of our endpoint /v1/stripe/webhooks
    stripe_url: str = ""                                 # instead of api.stripe.com, in tests
    treasury_address: str = ""                           # serve: the account of that key, which serve need not have
    card_hold_days_new: int = 7
    card_hold_days_trusted: int = 1
    card_daily_cents_max_new: int = 50_000
    card_daily_cents_max_trusted: int = 500_000
    card_trusted_after_days: int = 90
    onramp_network: str = ""                             # Stripe's name of the network, if the chain id does not tell

    seller_name: str = "The operator of this Sightline"  # who issues invoices
    seller_address: str = ""                             # lines separated by |
    seller_country: str = ""                             # ISO 3166-1; decides how VAT is treated
    seller_vat_number: str = ""

    require_proof: bool | None = None                    # worlds sell once control is proved; None: on public chains
    contact_email: str = ""                              # in sellers.json; empty: none
    land_rpc_url: str = ""                               # where Decentraland's land is registered; empty: not asked
    land_contract: str = "0xf87e31492faf9a91b02ee0deaad50d51d56d5d4d"
    estate_contract: str = "0x959e104e1a4db6317fa58f8295f586e1a978c297"
    names_contract: str = "0x2a187453064356c898cae034eaed119e1663acb8"

    epoch_seconds: int = 3_600
    confirmations: int = 12
    tcf_vendor: int | None = Field(default=None, ge=1, le=65_535)   # the operator's id in the Global Vendor List
    catalogue_seconds: float = 0.3                       # how old terms and published budgets may be,
    catalogue_stale_seconds: float = Field(default=30.0, gt=0)      # and at most, where PostgreSQL or Redis is away
    quality_permille_min: int = Field(default=500, ge=1, le=1_000)      # how little and how much an ad's quality weighs
    quality_permille_max: int = Field(default=2_000, ge=1_000, le=8_000)   # in the auction; 1000 and 1000: not at all
    token_seconds: int = 120
    viewer_events_per_minute_max: int = 60
    fee_bps: int = 1_000
    session_hours: int = 24
    asset_url: str = ""                                  # a host without cookies that leads here; default: public_url
    auto_approve: bool | None = None                     # creatives need no moderator; default: on local chains only
    session_idle_hours: int = 8                          # a session that is not used for as long is over
    admin_wallets: str = ""                              # admins whatever the tables say, separated by commas

    @property
    def admins(self) -> frozenset[Address]:
        """SIGHTLINE_ADMIN_WALLETS. Raises ValueError when one of them is no address."""
        return frozenset(address(text.strip()) for text in self.admin_wallets.split(",") if text.strip())

    @property
    def approves_at_once(self) -> bool:
        """Whether new creatives are shown without a moderator: SIGHTLINE_AUTO_APPROVE, else only on chain 31337."""
        return self.chain_id == LOCAL_CHAIN if self.auto_approve is None else self.auto_approve

    @property
    def operator_lacks(self) -> list[str]:
        """Fields without which no process of the operator can work, and which are not set."""
        needed = {"database_url": self.database_url, "redis_url": self.redis_url,
                  "token_key": self.token_key.get_secret_value()}
        return [name for name, given in needed.items() if not given]

    @property
    def on_local_chain(self) -> bool:
        """Whether the money has no value: then well-known keys and plain HTTP do no harm."""
        return self.chain_id in LOCAL_CHAINS

    @property
    def counts_requests(self) -> bool:
        """Whether requests are limited at all."""
        return self.rate_limits == "on" or (self.rate_limits == "auto" and not self.on_local_chain)

    @property
    def flags_traffic(self) -> bool:
        """Whether accepted events are judged by statistics: played traffic of a local chain is all alike."""
        return self.traffic_flags == "on" or (self.traffic_flags == "auto" and not self.on_local_chain)

    def refusals(self, *, of_operator: bool = True) -> list[str]:
        """Why no process may start with these settings (L69); none on a local chain."""
        if self.on_local_chain:
            return []
        return list(self._refusals(of_operator))

    def check(self, *, of_operator: bool = True) -> None:
        """Raises RefusedSetting with all that cannot be read, else with all `refusals`; the first thing that a process
        does."""
        if found := list(self._unreadable(of_operator)) or self.refusals(of_operator=of_operator):
            raise RefusedSetting("; ".join(found))

    def _unreadable(self, of_operator: bool) -> Iterator[str]:
        """What would end a process a moment later, with a traceback instead of a name."""
        try:
            int(str(self.deployed["chain_id"]))
        except (OSError, ValueError, KeyError, TypeError):
            yield f"SIGHTLINE_DEPLOYMENT: {self.deployment} is not as `ape run deploy` writes it"
        if not of_operator:
            return
        for name, url, schemes in (("DATABASE_URL", self.database_url, SQL_SCHEMES),
                                   ("REDIS_URL", self.redis_url, REDIS_SCHEMES)):
            if url.partition("://")[0] not in schemes:
                yield f"{name}: it does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
        for name in ("token_key", "master_key"):
            try:
                bytes.fromhex(getattr(self, name).get_secret_value())
            except ValueError:
                yield f"SIGHTLINE_{name.upper()}: it is not hex digits and nothing else"

    def _refusals(self, of_operator: bool) -> Iterator[str]:
        for role in SIGNING_ROLES:
            if getattr(self, f"{role}_key") is not None:
                yield f"SIGHTLINE_{role.upper()}_KEY: a key in the environment is for local chains; " \
                      f"use SIGHTLINE_{role.upper()}_KEYSTORE or SIGHTLINE_{role.upper()}_KMS"
            password = getattr(self, f"{role}_keystore_password")
            if password is not None and (why := password_weakness(password.get_secret_value())):
                yield f"SIGHTLINE_{role.upper()}_KEYSTORE_PASSWORD: {why}"
        if not of_operator:
            return
        for name in ("token_key", "master_key"):
            if why := secret_weakness(getattr(self, name).get_secret_value()):
                yield f"SIGHTLINE_{name.upper()}: {why}; make one with `openssl rand -hex 32`"
        if self.master_key.get_secret_value() == self.token_key.get_secret_value():
            yield "SIGHTLINE_MASTER_KEY: it is the token key again"
        for name, url in (("DATABASE_URL", self.database_url), ("REDIS_URL", self.redis_url)):
            if why := url_password_weakness(url):
                yield f"{name}: {why}"
        if not self.public_url.startswith("https://"):
            yield f"SIGHTLINE_PUBLIC_URL: {self.public_url} is not https, so sessions could be overheard"
        if self.fetch_local:
            yield "SIGHTLINE_FETCH_LOCAL: strangers' URLs could reach this machine"
        if self.stripe_url:
            yield "SIGHTLINE_STRIPE_URL: whoever answers there is not Stripe"

    @cached_property
    def deployed(self) -> dict[str, object]:
        """The deployment file: chain id, contract addresses and blocks, parameters."""
        content: dict[str, object] = json.loads(self.deployment.read_text())
        return content

    @property
    def chain_id(self) -> int:
        return int(str(self.deployed["chain_id"]))

    @property
    def proof_required(self) -> bool:
        """Whether a world is only tested until its publisher has proved control of it."""
        return self.chain_id != LOCAL_CHAIN if self.require_proof is None else self.require_proof

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
    def master_key_bytes(self) -> bytes:
        """The master key; local chains may do without one, then it comes from the token key."""
        given = self.master_key.get_secret_value()
        if given or not self.on_local_chain:
            return bytes.fromhex(given)
        return hashlib.sha256(b"sightline local master key" + self.token_key_bytes).digest()

    @property
    def ruleset(self) -> Ruleset:
        return Ruleset(
            token_seconds=self.token_seconds,
            viewer_events_per_minute_max=self.viewer_events_per_minute_max,
            fee_bps=self.fee_bps,
        )
