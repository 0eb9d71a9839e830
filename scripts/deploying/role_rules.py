"""Who may hold which role on a public network, so that no single stolen key undoes what another is there to check.

Pure. On local chains one key may play everybody.
"""

from collections.abc import Iterator, Mapping

from scripts.deploying.deployment import DeploymentRefused, Parameters
from scripts.deploying.known_keys import known_key
from scripts.deploying.networks import Network

THRESHOLD_MIN = 2
WINDOW_SECONDS_MIN = 3_600
# How long advertisers have to see an announced change and still be out before it: timelock less escape.
ALARM_SECONDS_MIN = 2 * 86_400

# Two roles that one account must not hold, and what would be lost.
APART = {
    ("owner", "operator"): "the operator's key is online; with ownership it could also replace the attestors",
    ("owner", "guardian"): "only the guardian can veto what an owner that went bad lets its own attestors sign",
    ("operator", "guardian"): "the guardian's veto is there to stop the operator",
    ("owner", "attestor"): "an owner chooses the attestors and must not be one of them",
    ("operator", "attestor"): "attestors are there to recompute what the operator proposes",
    ("guardian", "attestor"): "the guardian is there to veto what attestors have signed",
    ("treasury", "attestor"): "an attestor must not be paid the fee of what it signs",
}


def check_roles(parameters: Parameters, deployer: str, token: str, network: Network) -> None:
    """Raises DeploymentRefused, with every reason, for keys and roles that a public network must not have."""
    if network.is_local:
        return
    reasons = [
        *_known(parameters, deployer, network),
        *_shared(parameters),
        *_same_as_token(parameters, token),
        *_too_weak(parameters, network),
    ]
    if reasons:
        raise DeploymentRefused("not on a public network:\n" + "\n".join(f"  - {reason}" for reason in reasons))


def check_key(what: str, address: str, network: Network) -> None:
    """Raises DeploymentRefused when an account's key is public knowledge and the network is not a local one."""
    origin = known_key(address)
    if network.is_public and origin:
        raise DeploymentRefused(_is_known(what, address, origin, network))


def holders(parameters: Parameters) -> Mapping[str, tuple[str, ...]]:
    """The addresses of each role."""
    single = {name: (getattr(parameters, name),) for name in ("owner", "operator", "guardian", "treasury")}
    return single | {"attestor": parameters.attestors}


def _known(parameters: Parameters, deployer: str, network: Network) -> Iterator[str]:
    for role, addresses in ({"deployer": (deployer,)} | dict(holders(parameters))).items():
        for address in addresses:
            origin = known_key(address)
            if origin:
                yield _is_known(role, address, origin, network)


def _is_known(what: str, address: str, origin: str, network: Network) -> str:
    return (
        f"the {what} {address} belongs to {origin}: everybody has its key; not on chain {network.chain_id} "
        f"({network.name}). Take an account whose key only its holder has"
    )


def _shared(parameters: Parameters) -> Iterator[str]:
    by_role = holders(parameters)
    for (one, other), reason in APART.items():
        shared = {address.lower() for address in by_role[one]} & {address.lower() for address in by_role[other]}
        for address in shared:
            yield f"{one} and {other} are both {address}: {reason}. Give them different accounts"


def _same_as_token(parameters: Parameters, token: str) -> Iterator[str]:
    for role, addresses in holders(parameters).items():
        if token.lower() in {address.lower() for address in addresses}:
            yield f"the {role} is the token {token}: what it is paid or asked to do is lost"


def _too_weak(parameters: Parameters, network: Network) -> Iterator[str]:
    if parameters.threshold < THRESHOLD_MIN:
        yield (
            f"threshold {parameters.threshold}: one stolen attestor key would do. "
            f"Name more attestors and --threshold {THRESHOLD_MIN} or more"
        )
    if network.is_mainnet and parameters.window_seconds < WINDOW_SECONDS_MIN:
        yield (
            f"a challenge window of {parameters.window_seconds} s: nobody can recompute and veto in that time. "
            f"--window {WINDOW_SECONDS_MIN} is the least on {network.name}"
        )
    alarm_seconds = parameters.timelock_seconds - parameters.escape_seconds
    if network.is_mainnet and alarm_seconds < ALARM_SECONDS_MIN:
        yield (
            f"the timelock is {alarm_seconds} s longer than the escape: whoever sees an announced change later "
            f"cannot withdraw before it. --timelock must pass --escape by {ALARM_SECONDS_MIN} or more on {network.name}"
        )
