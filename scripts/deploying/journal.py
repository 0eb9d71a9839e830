"""What a deployment has begun, on disk before it is sent: a run that is killed anywhere continues where it stopped.

A signed transaction is written down, with its nonce, before any node sees it. The next run sends the very same bytes
again, so that a contract cannot be created twice: one nonce, one transaction.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scripts.deploying.deployment import DeploymentRefused, write_whole

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that may be on its way. `raw` is signed and hexadecimal."""

    step: str
    nonce: int
    hash: str
    raw: str


@dataclass
class Journal:
    """Everything that was begun. `facts` are what the plan was made of, `genesis` names the chain beyond its id."""

    path: Path
    genesis: str
    first_nonce: int
    facts: Mapping[str, object]
    sent: list[Sent] = field(default_factory=list)

    def entry(self, step: str) -> Sent | None:
        """What was signed for a step."""
        return next((sent for sent in self.sent if sent.step == step), None)

    def record(self, sent: Sent) -> None:
        """Adds a signed transaction; it is on disk when this returns."""
        self.sent.append(sent)
        self.save()

    def save(self) -> None:
        """Writes the whole file."""
        content = {
            "schema": SCHEMA,
            "genesis": self.genesis,
            "first_nonce": self.first_nonce,
            "facts": dict(self.facts),
            "sent": [asdict(sent) for sent in self.sent],
        }
        write_whole(self.path, json.dumps(content, indent=2) + "\n")

    def remove(self) -> None:
        """Forgets it all, once the deployment's file says the same."""
        self.path.unlink(missing_ok=True)

    def check_same_plan(self, facts: Mapping[str, object]) -> None:
        """Raises DeploymentRefused, with every difference, when the plan is not the one that was begun."""
        names = list(dict.fromkeys([*self.facts, *facts]))
        lines = [
            f"  - {name}: begun with {self.facts.get(name)}, now {facts.get(name)}"
            for name in names
            if self.facts.get(name) != facts.get(name)
        ]
        if lines:
            raise DeploymentRefused(
                f"{self.path} holds what was begun and not ended, and this plan is another:\n"
                + "\n".join(lines)
                + "\nRun it again as it was begun to finish it, or move that file away to give up what was begun"
            )


def journal_path(folder: Path, chain_id: int) -> Path:
    """Where the journal of a chain is."""
    return folder / f"{chain_id}.journal.json"


def load_journal(path: Path) -> Journal | None:
    """The journal of an unfinished deployment; None when there is none. Raises DeploymentRefused for another file."""
    try:
        content = json.loads(path.read_text())
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']}")
        sent = [Sent(**entry) for entry in content["sent"]]
        return Journal(path, content["genesis"], content["first_nonce"], content["facts"], sent)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeploymentRefused(
            f"{path} cannot be read as the journal of a deployment ({type(error).__name__}: {error}). "
            "Look at the deployer's last transactions, then move the file away"
        ) from error


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Creates the folder and holds it against a second run; a killed run lets go by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DeploymentRefused(f"another deployment is writing to {folder}: wait until it has ended") from error
