"""The ways the compiler can build the contracts, and which of them the suite runs on.

`SIGHTLINE_VYPER_BUILD` names the build of every contract that a test deploys; unset, it is what is shipped.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import boa
import pytest
from vyper.compiler.settings import OptimizationLevel

# What `vyper` makes of the sources without options.
SHIPPED = "gas"
BUILDS: dict[str, dict[str, object]] = {
    SHIPPED: {},
    "none": {"optimize": OptimizationLevel.NONE},
    "codesize": {"optimize": OptimizationLevel.CODESIZE},
    "venom": {"optimize": OptimizationLevel.GAS, "experimental_codegen": True},
}
# EIP-170: no chain takes more runtime code than this.
RUNTIME_BYTES_MAX = 24_576
# Without optimiser the escrow exceeds EIP-170; the tests' chain makes room for that build alone.
UNOPTIMISED_BYTES_MAX = 32_768


def chosen_build() -> str:
    """The build named by the environment. Raises pytest.UsageError for an unknown name."""
    name = os.environ.get("SIGHTLINE_VYPER_BUILD") or SHIPPED
    if name not in BUILDS:
        raise pytest.UsageError(f"SIGHTLINE_VYPER_BUILD={name} is not a build: use one of {', '.join(BUILDS)}")
    return name


@contextmanager
def deploying(build: str) -> Iterator[None]:
    """What the tests' chain has to bear with while `build` is deployed."""
    patch = boa.env.evm.patch
    limit = patch.code_size_limit
    with warnings.catch_warnings():
        if build == "none":
            patch.code_size_limit = UNOPTIMISED_BYTES_MAX
        elif build == "venom":
            # This pipeline does not repeat itself: the code inside the creation code is not the runtime code that it
            # puts out alone, and titanoboa wonders about the difference.
            warnings.filterwarnings("ignore", "casted bytecode does not match", UserWarning)
        try:
            yield
        finally:
            patch.code_size_limit = limit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what says nothing about another build than the shipped one, with the reason."""
    if chosen_build() != SHIPPED:
        for item in items:
            reason = reason_to_skip(item)
            if reason:
                item.add_marker(pytest.mark.skip(reason=f"{chosen_build()} build: {reason}"))


def reason_to_skip(item: pytest.Item) -> str:
    """Why a test is about the shipped build alone; nothing when it is about all."""
    if item.path.stem == "test_builds":
        return "compares all builds by itself"
    if "boa" not in vars(getattr(item, "module", None)):
        return "reads files, or deploys to a real chain what the scripts compile"
    if item.path.stem == "test_reverts" and chosen_build() == "venom":
        return "finds the line that failed by a source map that fits the code on chain, which this pipeline has not"
    return ""
