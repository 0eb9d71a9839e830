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
# These do not deploy through the kit: what they hold to a file, a figure or a script is the shipped build.
SHIPPED_ONLY = {
    "test_abi_files": "compares files in contracts/abi, which are written from the shipped build",
    "test_builds": "deploys all builds by itself",
    "test_deploy_script": "the deploy script compiles the shipped build",
    "test_gas": "the snapshot holds gas and sizes of the shipped build",
    "test_mutants_apply": "deploys nothing",
}


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
    if chosen_build() == SHIPPED:
        return
    for item in items:
        reason = SHIPPED_ONLY.get(item.path.stem)
        if reason:
            item.add_marker(pytest.mark.skip(reason=f"{chosen_build()} build: {reason}"))
