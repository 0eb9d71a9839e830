"""`kill -9` in the middle of load: then what was acknowledged is posted or dropped with its reason, and nothing twice.

One site for all tests; the last one takes the disk of Redis away. The long version is `make soak`.
"""

import signal

from load_kit import POOR, POOR_DEPOSIT, Crowd, Key, Site, check_books

from backend.ingest.store import STREAM

EVENTS = 60


def test_serve__a_worker_is_killed_under_load__the_others_answer_and_all_is_counted_once(site: Site) -> None:
    """L24, L25."""
    with Crowd(site, seed=1) as crowd:
        crowd.go_on(EVENTS)
        victim = site.kill_one_worker()
        crowd.go_on(EVENTS)
        site.wait_for("another worker", lambda: victim not in site.serving_pids() and len(site.serving_pids()) > 1)
        crowd.go_on(EVENTS // 2)
        account = crowd.finish()
    assert check_books(site, account)["lost"] == 0
    assert not account.answers, "who was answered, was answered with success"


def test_serve__all_of_it_is_killed_and_started_again__all_is_counted_once(site: Site) -> None:
    """L24, L25."""
    with Crowd(site, seed=2) as crowd:
        crowd.go_on(EVENTS)
        site.kill("serve")
        crowd.wait_for("requests that nobody answers", lambda: crowd.account.broken > 2)
        site.start("serve")
        crowd.go_on(EVENTS)
        account = crowd.finish()
    assert check_books(site, account)["lost"] == 0


def test_worker__killed_twice_under_load__what_was_half_done_is_done_once(site: Site) -> None:
    """L24, L25, L33: consumer, ledger and budgets die together, and go on where they were."""
    with Crowd(site, seed=3) as crowd:
        for _ in range(2):
            crowd.go_on(EVENTS)
            site.kill("worker")
            crowd.go_on(EVENTS // 2)
            assert site.redis.xlen(STREAM), "events wait"
            site.start("worker")
        crowd.go_on(EVENTS)
        account = crowd.finish()
    check_books(site, account)
    spent = site.rows("select debits from ledger_account where account = :a", a=f"campaign:{POOR}")[0][0]
    assert spent <= POOR_DEPOSIT


def test_redis__killed_under_load__on_its_disk_is_all_that_was_acknowledged(site: Site) -> None:
    """L24, L25."""
    with Crowd(site, seed=4) as crowd:
        crowd.go_on(EVENTS)
        site.kill("redis-server")
        crowd.wait_for("refusals", lambda: crowd.account.answers["503 redis_unavailable"] > 5)
        site.bring_back("redis-server")
        crowd.go_on(EVENTS)
        account = crowd.finish()
    assert check_books(site, account)["lost"] == 0
    assert set(account.answers) == {"503 redis_unavailable"}


def test_postgres__killed_under_load__events_wait_and_are_counted_once(site: Site) -> None:
    """L24, L25: SIGKILL, no checkpoint and no goodbye."""
    with Crowd(site, seed=5) as crowd:
        crowd.go_on(EVENTS)
        site.kill("postgres")
        crowd.go_on(EVENTS)
        site.bring_back("postgres")
        crowd.go_on(EVENTS)
        account = crowd.finish()
    assert check_books(site, account)["lost"] == 0
    assert "503 database_unavailable" not in account.answers, "ads come from the last catalogue, events wait"


def test_redis__killed_and_its_disk_is_lost__only_what_had_not_reached_sql_is_gone(site: Site) -> None:
    """docs/decisions/0013: no charge is wrong, nothing is counted twice, budgets are those of SQL again."""
    with Crowd(site, seed=6) as crowd:
        crowd.go_on(EVENTS)
        site.ours["worker"].send(signal.SIGSTOP)
        crowd.go_on(EVENTS // 2)                            # which nobody moves to SQL
        known = crowd.taken_in
        site.kill("redis-server")
        crowd.all_refused()
        at_stake = frozenset(crowd.account.accepted)      # what is not in SQL now, is lost
        in_sql = stored(site)
        site.lose_the_disk_of_redis()
        site.bring_back("redis-server")
        site.ours["worker"].send(signal.SIGCONT)
        site.wait_for("the first ad after it", site.ready)
        crowd.go_on(EVENTS)
        account = crowd.finish()
    assert known >= EVENTS
    counted = check_books(site, account, lost=at_stake - in_sql)
    assert counted["lost"] > 0, "events were in the stream when its disk was lost"


def stored(site: Site) -> frozenset[Key]:
    """Decision and kind of the events in SQL."""
    return frozenset(site.rows("select decision_id, kind from event"))


