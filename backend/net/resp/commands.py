"""Commands as they are written on the wire (RESP2: an array of bulk strings)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1

Argument = bytes | str | int | float


def part(argument: Argument) -> bytes:
    """One argument on the wire, for commands that are put together from prepared pieces."""
    raw = argument if isinstance(argument, bytes) else str(argument).encode()
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


def pack(*arguments: Argument) -> bytes:
    """A command on the wire: `pack("GET", "key")`."""
    return b"*%d\r\n%b" % (len(arguments), b"".join([part(argument) for argument in arguments]))


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, called by its digest; Resp.run loads it where the server does not know it."""

    source: str
    sha: bytes = field(init=False)

    def __post_init__(self) -> None:
        digest = sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest.encode())

    def packed(self, keys: Sequence[Argument], arguments: Sequence[Argument] = ()) -> bytes:
        """The call of the script with these keys and arguments."""
        return self.head(len(keys), len(arguments)) + b"".join([part(one) for one in (*keys, *arguments)])

    def head(self, keys: int, arguments: int) -> bytes:
        """How a call with that many keys and arguments begins; as many `part`s follow."""
        return b"*%d\r\n%b%b%b" % (3 + keys + arguments, part("EVALSHA"), part(self.sha), part(keys))
