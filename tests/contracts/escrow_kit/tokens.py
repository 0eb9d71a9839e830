"""Kinds of tokens that the contracts meet, and a book that foretells what each does with a transfer."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from escrow_kit.pair import source

# The reason of a revert that carries none.
WORDLESS = "(no words)"

# What a token does besides moving money; rules of the machine switch it.
WHIM_FALSE, WHIM_FEE, WHIM_CALLBACK, WHIM_REFUSE, WHIM_BLACKLIST, WHIM_RESCALE = (
    "answers false",
    "takes a fee",
    "calls back",
    "refuses recipients",
    "blacklists",
    "changes its scale",
)


@dataclass(frozen=True)
class TokenKind:
    """One kind of token: where its source is and how it differs from the others."""

    name: str
    file: str
    arguments: tuple[int, ...] = ()
    permits: tuple[str, str] | None = None  # name and version of the EIP-712 domain, where there is EIP-2612
    authorizes: bool = False  # EIP-3009
    allowances: bool = True  # otherwise everybody may spend everything
    swallows: bool = False  # calls that it does not know succeed and do nothing
    lack: str = WORDLESS  # the reason when the balance is too small
    whims: frozenset[str] = frozenset()

    def deploy(self) -> Any:
        return source(f"testing/{self.file}").deploy(*self.arguments)


def _hostile(name: str, *whims: str) -> TokenKind:
    return TokenKind(name, "HostileToken.vy", (6,), allowances=False, whims=frozenset(whims))


PLAIN = TokenKind("plain", "PlainToken.vy", permits=("Plain Token", "1"), lack="balance")
SILENT = TokenKind("without return value", "SilentToken.vy", allowances=False)
FALSE = _hostile("returns false on failure", WHIM_FALSE, WHIM_REFUSE)
FEE = _hostile("fee on transfer", WHIM_FEE)
REENTRANT = _hostile("reentrant", WHIM_CALLBACK)
BLACKLISTING = TokenKind(
    "blacklisting",
    "MockUSDC.vy",
    permits=("USD Coin", "2"),
    authorizes=True,
    lack="balance",
    whims=frozenset({WHIM_BLACKLIST}),
)
PERMITLESS = TokenKind("without permit", "PermitlessToken.vy", swallows=True, lack="balance")
RESCALING = _hostile("18 decimals after deployment", WHIM_RESCALE, WHIM_REFUSE)
KINDS = (PLAIN, SILENT, FALSE, FEE, REENTRANT, BLACKLISTING, PERMITLESS, RESCALING)


@dataclass
class TokenBook:
    """What every account must hold of a token, in its smallest unit, and how the token would answer a transfer."""

    kind: TokenKind
    balances: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    allowed: dict[str, int] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)
    burner: str | None = None  # of the barred: transfers to it burn all gas
    fee_bps: int = 0
    answers_false: bool = False
    supply: int = 0
    burnt: int = 0

    def mint(self, to: str, amount: int) -> None:
        self.balances[to] += amount
        self.supply += amount

    def fee(self, amount: int) -> int:
        """What the token keeps of a transfer."""
        return amount * self.fee_bps // 10_000

    def refusal(self, payer: str, to: str, amount: int) -> str | None:
        """Why a transfer would fail: the token's own words, "transfer" when it answers false; None when it moves."""
        if self.kind.file == "MockUSDC.vy" and self.barred & {payer, to}:
            return "blacklisted"
        if to in self.barred:
            return WORDLESS if to == self.burner else "refused"
        if self.answers_false:
            return "transfer"
        return self.kind.lack if self.balances[payer] < amount else None

    def pull_refusal(self, payer: str, to: str, amount: int) -> str | None:
        """As `refusal`, for a transfer by somebody else: the allowance comes before the balance."""
        refusal = self.refusal(payer, to, amount)
        if refusal == "blacklisted" or not self.kind.allowances:
            return refusal
        return "allowance" if self.allowed.get(payer, 0) < amount else refusal

    def move(self, payer: str, to: str, amount: int) -> None:
        """A transfer that succeeds; what the token keeps is gone."""
        kept = self.fee(amount)
        self.balances[payer] -= amount
        self.balances[to] += amount - kept
        self.burnt += kept

    def spend(self, payer: str, amount: int) -> None:
        """Uses up an allowance."""
        self.allowed[payer] = self.allowed.get(payer, 0) - amount
