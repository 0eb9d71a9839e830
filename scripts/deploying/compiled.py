"""Our contracts as the installed compiler makes them, in the form that deploying and checking need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from scripts.export_abi import compile_contract


@dataclass(frozen=True, slots=True)
class Immutable:
    """Where a constructor leaves a value behind the runtime code. `offset` counts from that code's end, in bytes."""

    name: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """A contract. `runtime` is without the immutables that the constructor appends."""

    name: str
    abi: Sequence[Mapping[str, object]]
    creation: bytes
    runtime: bytes
    immutables: tuple[Immutable, ...]

    @property
    def deployed_bytes(self) -> int:
        """Length of the code on the chain."""
        return len(self.runtime) + max((place.offset + place.length for place in self.immutables), default=0)


@cache
def compiled(name: str) -> Compiled:
    """A contract by its name, from the sources as they are now."""
    artifact = compile_contract(name)
    layout = cast(Mapping[str, Mapping[str, object]], artifact["layout"])
    abi = cast(Sequence[Mapping[str, object]], artifact["abi"])
    return Compiled(
        name,
        abi,
        _bytes(artifact["bytecode"]),
        _bytes(artifact["bytecode_runtime"]),
        tuple(_immutables(layout.get("code_layout", {}))),
    )


def _immutables(layout: Mapping[str, object]) -> list[Immutable]:
    """The compiler nests a module's immutables under the module's name."""
    places = []
    for name, entry in layout.items():
        fields = cast(Mapping[str, object], entry)
        if isinstance(fields.get("offset"), int):
            places.append(Immutable(name, cast(int, fields["offset"]), cast(int, fields["length"])))
        else:
            places += _immutables(fields)
    return places


def _bytes(code: object) -> bytes:
    return bytes.fromhex(str(code).removeprefix("0x"))
