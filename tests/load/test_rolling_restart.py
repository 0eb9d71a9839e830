"""Two workers behind a balancer: restarted one after the other, or killed, while viewers go on without noticing."""

import os
from copy import copy
from pathlib import Path

import pytest
from balancer_kit import Fleet, balanced
from load_kit import Crowd, Site, check_books

EVENTS = 40


@pytest.mark.skipif("SOAK_SECONDS" not in os.environ, reason="make soak: the books do not know what nginx repeats")
def test_rolling_restart__under_load__no_request_fails_and_everything_counts_once(site: Site, tmp_path: Path) -> None:
    """L75, L24, L25: each worker is replaced, then one is killed; nobody is answered with anything but success."""
    tmp_path.chmod(0o755)
    with Fleet(site, tmp_path) as fleet, balanced(fleet, tmp_path) as (url, nginx):
        site.wait_for("the fleet", fleet.ready)
        behind = copy(site)
        behind.url = url
        with Crowd(behind, seed=7) as crowd:
            crowd.go_on(EVENTS)
            fleet.restart_all(nginx)
            crowd.go_on(EVENTS)
            fleet.kill_one()
            crowd.go_on(EVENTS)
            account = crowd.finish()
        assert all(len(pids) >= 2 for pids in fleet.pids.values()), "each was replaced"
    assert account.broken == 0, "every request was answered"
    assert not account.answers, "and with success"
    assert check_books(site, account)["lost"] == 0
