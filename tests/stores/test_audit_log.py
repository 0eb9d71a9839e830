"""The audit log in PostgreSQL: appended without gaps by everybody at once, and nothing in it changes unseen (L67)."""

import json
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from typer.testing import CliRunner, Result

from backend.cli import app
from backend.core.audit_chain import GENESIS, Head
from backend.db.audit import record
from backend.operation.audit.service import AuditService, Filters, verify

FORGE = {
    "a field changed": "update audit_entry set actor = 'nobody' where id = :third",
    "details changed": """update audit_entry set details = '{"n": 30}' where id = :third""",
    "time moved": "update audit_entry set created_at = created_at + interval '1 microsecond' where id = :third",
    "entry deleted": "delete from audit_entry where id = :third",
    "hash changed": "update audit_link set hash = repeat('0', 64) where sequence = 3",
    "link moved to another entry": """insert into audit_entry (actor, account, action, subject)
        values ('x', 'x', 'x.x', 'x:1'); update audit_link set entry_id = (select max(id) from audit_entry)
        where sequence = 3""",
}


def write(engine: Engine, many: int) -> None:
    for n in range(1, many + 1):
        with engine.begin() as connection:
            record(connection, "thing.make", f"thing:{n}", n=n, name="Ünïcode \U0001f4a1 \"quoted\" \\ \x1f\x7f\n")


def forge(engine: Engine, statement: str) -> None:
    """What a superuser does who knows how to switch triggers off."""
    with engine.begin() as connection:
        third = connection.execute(text("select entry_id from audit_link where sequence = 3")).scalar()
        connection.execute(text("set local session_replication_role = replica"))
        for part in statement.split(";"):
            connection.execute(text(part), {"third": third} if ":third" in part else {})


def checked(engine: Engine, **how: object) -> tuple[int, int | None]:
    """Place of the head that was reached, and the place of what is broken."""
    with engine.connect() as connection:
        found = verify(connection, **how)  # type: ignore[arg-type]
    return found.head.sequence, found.broken and found.broken.sequence


def test_verify__empty_and_honest_log__is_ok(engine: Engine) -> None:
    assert checked(engine) == (0, None)
    assert AuditService(engine).head() == Head(0, GENESIS)
    write(engine, 5)
    assert checked(engine) == (5, None)
    assert checked(engine, since=4) == (5, None)
    assert checked(engine, since=9) == (0, 8)


@pytest.mark.parametrize("how", sorted(FORGE))
def test_verify__forged_by_a_superuser__is_found(engine: Engine, how: str) -> None:
    """L67."""
    write(engine, 5)
    forge(engine, FORGE[how])
    assert checked(engine) == (2, 3)


def test_verify__entry_put_in_from_outside__is_found(engine: Engine) -> None:
    """L67."""
    write(engine, 3)
    forge(engine, "insert into audit_entry (actor, account, action, subject) values ('x', 'x', 'x.x', 'x:1')")
    assert checked(engine) == (3, 0)


def test_verify__entry_and_link_deleted__is_found(engine: Engine) -> None:
    """L67."""
    write(engine, 5)
    forge(engine, "delete from audit_link where sequence = 3; delete from audit_entry where id = :third")
    assert checked(engine) == (2, 3)


def test_verify__filed_under_another_account__is_found(engine: Engine) -> None:
    """L67: an account that looks for its own entries finds all of them."""
    write(engine, 5)
    forge(engine, "update audit_link set account = 'x' where sequence = 3")
    assert checked(engine) == (5, 3)


def test_verify__newest_entries_cut_off__only_a_noted_head_tells(engine: Engine) -> None:
    """L67."""
    write(engine, 5)
    noted = AuditService(engine).head()
    assert checked(engine, expected=noted) == (5, None)
    forge(engine, """delete from audit_link where sequence > 3;
                           delete from audit_entry where id > :third""")
    assert checked(engine) == (3, None)
    assert checked(engine, expected=noted) == (3, 5)
    write(engine, 4)
    assert checked(engine) == (7, None)
    assert checked(engine, expected=noted) == (7, 5)


@pytest.mark.parametrize("statement", [
    "update audit_entry set actor = 'x'", "delete from audit_entry", "truncate audit_entry cascade",
    "update audit_link set hash = 'x'", "delete from audit_link", "truncate audit_link",
])
def test_log__changed_in_sql__is_refused(engine: Engine, statement: str) -> None:
    """L67: also for the owner of the tables, who must switch the triggers off first."""
    write(engine, 1)
    with pytest.raises(ProgrammingError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert checked(engine) == (1, None)


def test_record__rolled_back__leaves_no_gap(engine: Engine) -> None:
    """L67."""
    write(engine, 1)
    with engine.connect() as connection:
        record(connection, "thing.make", "thing:2")
        connection.rollback()
    write(engine, 1)
    assert checked(engine) == (2, None)


def test_record__many_at_once_over_the_same_rows__no_gap_and_no_deadlock(engine: Engine) -> None:
    """L67: would the log be locked from `record` on, two writers could each hold what the other waits for."""
    with engine.begin() as connection:
        connection.execute(text("create table busy (id int primary key, n int)"))
        connection.execute(text("insert into busy values (1, 0), (2, 0)"))
    errors: list[Exception] = []

    def work(row: int) -> None:
        try:
            for n in range(15):
                with engine.begin() as connection:
                    record(connection, "thing.make", f"thing:{n}")
                    connection.execute(text("update busy set n = n + 1 where id = :row"), {"row": row})
                    record(connection, "thing.change", f"thing:{n}")
        except DBAPIError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(1 + place % 2,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.begin() as connection:
        connection.execute(text("drop table busy"))
    assert not errors
    assert checked(engine) == (8 * 15 * 2, None)


@settings(max_examples=60)
@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=6), inner, max_size=4
    ),
    max_leaves=12,
))
def test_canonical__in_sql_and_in_python__are_the_same(shared: Any, details: object) -> None:
    """L67: the database chains, this program checks; both follow one rule."""
    with shared.engine.connect() as connection:
        made = connection.execute(
            text("select audit_canonical(cast(:details as jsonb))"), {"details": json.dumps(details)}
        ).scalar()
    expected = json.dumps(details, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert made == (None if details is None and made is None else expected)


def test_page__filters__find_what_they_name(engine: Engine) -> None:
    write(engine, 3)
    with engine.begin() as connection:
        record(connection, "other.end", "thing:1")
    service = AuditService(engine)

    def places(**filters: str) -> list[int]:
        return [entry.sequence for entry in service.page(Filters(**filters), after=0, limit=10)]

    assert places() == [1, 2, 3, 4]
    assert places(action="thing.make") == places(action="thing.") == [1, 2, 3]
    assert places(subject="thing:1") == [1, 4]
    assert places(actor="system", account="system", action="other.") == [4]
    assert places(account="0xaa") == []
    assert [entry.sequence for entry in service.page(Filters(), after=2, limit=1)] == [3]


@pytest.mark.parametrize(("arguments", "code", "words"), [
    ((), 0, "OK 5 entries, head 5:"), (("--from", "3"), 0, "OK 3 entries"),
    (("--expect", "5:" + "0" * 64), 1, "BROKEN at entry 5"), (("--expect", "nonsense"), 2, "--expect"),
])
def test_command__verify__says_what_it_found(
    engine: Engine, arguments: tuple[str, ...], code: int, words: str
) -> None:
    write(engine, 5)
    done = sightline(engine, "verify", *arguments)
    assert (done.exit_code, words in done.output) == (code, True), done.output


def test_command__head__is_what_verify_expects(engine: Engine) -> None:
    """L67."""
    write(engine, 4)
    head = sightline(engine, "head").stdout.strip()
    write(engine, 1)
    assert sightline(engine, "verify", "--expect", head).exit_code == 0
    forge(engine, FORGE["entry deleted"])
    done = sightline(engine, "verify", "--expect", head)
    assert (done.exit_code, done.stdout) == (1, "BROKEN at entry 3: the entry was deleted\n")


def sightline(engine: Engine, *arguments: str) -> Result:
    """`sightline audit …` as a person runs it."""
    url = engine.url.render_as_string(hide_password=False)
    return CliRunner(env={"DATABASE_URL": url, "TERMINAL_WIDTH": "200"}).invoke(app, ["audit", *arguments])
