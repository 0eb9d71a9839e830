"""A process that deploys again and again, each time in a child of its own, without compiling the contracts again.

    python -m deploy_kit.runner RPC_URL FOLDER RECIPIENT:MICRO_USDC

Each line on its input begins a run; it answers with the child's process id and, when that has ended, its exit code.
"""

import os
import sys
import traceback
from pathlib import Path

from web3 import Web3

from deploy_kit.stand import DEPLOYER, parameters, signer
from scripts.deploy import Wishes, deploy
from scripts.deploying.networks import NETWORKS
from scripts.deploying.plan import make_plan

LOCAL = NETWORKS[31337]


def main(url: str, folder: Path, mint: str) -> None:
    """Serves until its input ends. No thread runs in this process, so that forking it is safe."""
    os.environ["SIGHTLINE_DEPLOYMENTS"] = str(folder)
    make_plan(LOCAL, DEPLOYER.address, 0, parameters(), None, ())  # compiles
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            run(url, mint)
        answer(child)
        answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def run(url: str, mint: str) -> None:
    """One deployment; ends the process."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    recipient, _, amount = mint.partition(":")
    wishes = Wishes(None, False, False, False, True, ((recipient, int(amount)),))
    try:
        deploy(Web3(Web3.HTTPProvider(url)), LOCAL, signer(), parameters(), wishes)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
