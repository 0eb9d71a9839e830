"""Who plays in the demo: one key for each role, made from the seed and used on throwaway local chains only."""

from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount

from backend.core.keccak import keccak256

ADVERTISERS = 3
PUBLISHERS = 4
ATTESTORS = 3
QUORUM = 2


@dataclass(frozen=True, slots=True)
class Cast:
    """All accounts. The last publisher claims by hand, the others are paid by the keeper."""

    deployer: LocalAccount
    operator: LocalAccount
    guardian: LocalAccount
    treasury: LocalAccount
    stranger: LocalAccount
    attestors: tuple[LocalAccount, ...]
    advertisers: tuple[LocalAccount, ...]
    publishers: tuple[LocalAccount, ...]
    token_key: bytes

    @property
    def everybody(self) -> tuple[LocalAccount, ...]:
        """Who sends transactions and so needs gas."""
        single = (self.deployer, self.operator, self.guardian, self.treasury, self.stranger)
        return single + self.attestors + self.advertisers + self.publishers


def cast_from_seed(seed: int) -> Cast:
    """The same people for the same seed."""

    def key(role: str) -> bytes:
        return keccak256(f"sightline demo, seed {seed}, {role}".encode())

    def account(role: str) -> LocalAccount:
        made: LocalAccount = Account.from_key(key(role))
        return made

    def several(role: str, number: int) -> tuple[LocalAccount, ...]:
        return tuple(account(f"{role} {i}") for i in range(number))

    return Cast(
        account("deployer"), account("operator"), account("guardian"), account("treasury"), account("stranger"),
        several("attestor", ATTESTORS), several("advertiser", ADVERTISERS), several("publisher", PUBLISHERS),
        key("decision tokens"),
    )
