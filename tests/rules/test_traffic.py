"""Invalid traffic by lists and by sums: what is caught, and above all what is not (L84, L86).

lists
├── an address of a cloud           → data centre, unless allowed there or for everybody
├── no address, one of a home       → nothing is assumed
└── a list that shrank or is broken → refused
a cell
├── impossible                      → flagged at once
├── improbable clicks               → flagged, at doublings
├── one weak signal                 → nothing
└── weak signals that add up        → flagged
"""

import json
from dataclasses import replace
from datetime import date
from ipaddress import ip_address, ip_network
from time import process_time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.core.traffic_marks import network_mark, viewer_mark
from backend.ingest import pipeline, quick, reports
from backend.ingest.pipeline import Circumstances
from backend.ingest.reports import AcceptedRecord
from backend.ingest.robots import declared
from backend.traffic.cells import Cell, Level, count, count_viewers
from backend.traffic.clicks import log10_alpha, log10_tail, look
from backend.traffic.exposure import Seen, is_steady, is_still, moment_of, trace_of
from backend.traffic.lists import PEOPLE, Crawlers, ListError, Lists, Networks, allowances, check_change, merged
from backend.traffic.published import SOURCES, usable
from backend.traffic.store import shipped
from backend.traffic.verdict import Case, Rule, Scope, judge
from bench.traffic import Watch, added, rows, run
from bench.visitors import HONEST, NOT_CAUGHT, Elsewhere

RULES = Ruleset()
READ = {source.name: source.read for source in SOURCES}
KEY = bytes(range(32))
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def lists() -> Lists:
    entries = shipped()
    return Lists(Networks(n for name, found in entries.items() if name != "crawlers" for n in found),
                 Crawlers(entries["crawlers"]))


@pytest.mark.parametrize(("ip", "known"), [
    ("3.5.140.2", True), ("::ffff:3.5.140.2", True), ("203.0.113.9", False), ("", False), ("testclient", False),
    ("10.0.0.1", False), ("2a00:1450:4001::1", False), ("fe80::1%eth0", False),
])
def test_data_centre__shipped_list(lists: Lists, ip: str, known: bool) -> None:
    """L86: where there is no address, nothing is assumed."""
    assert lists.data_centre(ip) is known


@pytest.mark.parametrize(("agent", "known"), [
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True), ("python-requests/2.32", True),
    ("Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 OculusBrowser/33.0 Chrome/126 Safari/537.36", False),
    ("UnityPlayer/2022.3.10f1 (UnityWebRequest/1.0, libcurl/8.1.1-DEV)", False), ("okhttp/4.12", False), ("", False),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1", False),
])
def test_crawler__shipped_list(lists: Lists, agent: str, known: bool) -> None:
    """L86: engines of worlds are no crawlers, whatever lists say of their libraries."""
    assert lists.crawler(agent) is known


def test_data_centre__allowed_for_one_publisher__for_nobody_else() -> None:
    """Worlds that are streamed from a cloud are watched by people."""
    known = Lists(Networks(["192.0.2.0/24", "198.51.100.0/24"]), Crawlers(()),
                  allowances([("192.0.2.0/25", 7), ("198.51.100.0/24", None)]))
    assert [known.data_centre("192.0.2.9", publisher) for publisher in (7, 8, None)] == [False, True, True]
    assert known.data_centre("192.0.2.200", 7)
    assert not known.data_centre("198.51.100.1", 8)


def test_data_centre__looked_up__within_microseconds(lists: Lists) -> None:
    addresses = [f"{n % 223 + 1}.{n // 223 % 256}.7.{n % 250}" for n in range(5_000)]
    started = process_time()
    for address in addresses:
        lists.data_centre(address, 3)
    assert (process_time() - started) / len(addresses) < 50e-6       # 3 µs on a quiet machine, 0.2 when it is known


networks = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(8, 32)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(networks, st.integers(0, 2**32 - 1))
def test_networks__any__the_same_as_asking_each(given_networks: list[tuple[int, int]], number: int) -> None:
    texts = [str(ip_network((n, bits), strict=False)) for n, bits in given_networks]
    address = ip_address(number)
    assert (address in Networks(texts)) == any(address in ip_network(text) for text in texts)
    assert (address in Networks(merged(texts))) == (address in Networks(texts))


# A few entries of each list as published (AWS and Azure of 2021–2023, Oracle of June 2025, DigitalOcean of 2025).
PUBLISHED = {
    "aws": (
        b'{"syncToken": "1611783258", "createDate": "2021-01-27-21-34-18", "prefixes": ['
        b'{"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "AMAZON",'
        b' "network_border_group": "ap-northeast-2"},'
        b'{"ip_prefix": "52.93.178.234/32", "region": "us-west-1", "service": "AMAZON",'
        b' "network_border_group": "us-west-1"},'
        b'{"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "EC2",'
        b' "network_border_group": "ap-northeast-2"}], "ipv6_prefixes": ['
        b'{"ipv6_prefix": "2600:1f01:4800::/40", "region": "us-west-2", "service": "AMAZON",'
        b' "network_border_group": "us-west-2"}]}',
        ["3.5.140.0/22", "52.93.178.234/32", "2600:1f01:4800::/40"],
    ),
    "gcp": (
        b'{"syncToken": "1675807451971", "creationTime": "2023-02-07T14:04:11.9716", "prefixes": [{'
        b'"ipv4Prefix": "34.80.0.0/15", "service": "Google Cloud", "scope": "asia-east1"}, {'
        b'"ipv6Prefix": "2600:1900:4180::/44", "service": "Google Cloud", "scope": "us-west4"}]}',
        ["34.80.0.0/15", "2600:1900:4180::/44"],
    ),
    "azure": (
        b'{"changeNumber": 196, "cloud": "Public", "values": [{"name": "ActionGroup", "id": "ActionGroup",'
        b' "properties": {"changeNumber": 17, "region": "", "regionId": 0, "platform": "Azure",'
        b' "systemService": "ActionGroup", "addressPrefixes": ["13.65.25.19/32", "13.66.143.220/30",'
        b' "2603:1000:4:402::178/125"], "networkFeatures": ["API", "NSG", "UDR", "FW"]}}]}',
        ["13.65.25.19/32", "13.66.143.220/30", "2603:1000:4:402::178/125"],
    ),
    "oracle": (
        b'{"last_updated_timestamp": "2025-06-11T09:32:34.766288", "regions": [{"region": "us-ashburn-1", "cidrs": ['
        b'{"cidr": "129.80.0.0/16", "tags": ["OCI"]},'
        b'{"cidr": "134.70.24.0/21", "tags": ["OSN", "OBJECT_STORAGE"]}]}]}',
        ["129.80.0.0/16", "134.70.24.0/21"],
    ),
    "digitalocean": (
        b"5.101.96.0/21,NL,NL-NH,Amsterdam,1105 AT\r\n46.101.0.0/18,GB,GB-SLG,London,SL1 4AX\r\n"
        b"168.144.52.0/22,None,None,None,None\r\n2400:6180:0:d0::/64,SG,SG-05,Singapore,627753\r\n",
        ["5.101.96.0/21", "46.101.0.0/18", "168.144.52.0/22", "2400:6180:0:d0::/64"],
    ),
    "crawlers": (
        b'[{"pattern": "Googlebot\\\\/", "url": "http://www.google.com/bot.html", "instances": ["Googlebot/2.1"]},'
        b'{"pattern": "grub.org", "instances": []}, {"pattern": "AdsBot-Google([^-]|$)"}]',
        ["AdsBot-Google([^-]|$)", "Googlebot/", "grub.org"],
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_read__as_published__entries(name: str) -> None:
    body, entries = PUBLISHED[name]
    assert READ[name](body) == READ[name](b"\xef\xbb\xbf" + body) == entries


def test_geofeed__as_rfc_8805_allows__comments_and_names_of_places() -> None:
    feed = "\ufeff# network,country,region,city,postal\n\n203.0.113.0/24,FR,,Orléans,\n 192.0.2.0/24 ,,,,\n"
    assert READ["digitalocean"](feed.encode()) == ["192.0.2.0/24", "203.0.113.0/24"]


def test_urls__weekly__the_last_three_mondays() -> None:
    """Azure's list has another address each week."""
    azure = next(source for source in SOURCES if source.name == "azure")
    assert [url[-13:-5] for url in azure.urls(date(2026, 5, 6))] == ["20260504", "20260427", "20260420"]
    assert all(len(source.urls(date(2026, 5, 6))) == len(source.addresses) for source in SOURCES if source != azure)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"[[]]", b"<html>", b"\xff", b'{"prefixes": [1]}', b"[" * 9_999])
def test_read__anything_else__refused_or_empty(name: str, body: bytes) -> None:
    """L86: an empty list is refused by its length, so that neither can put the door out of order."""
    try:
        assert READ[name](body) == []
    except ListError:
        return


@pytest.mark.parametrize(("before", "after", "fine"), [
    (1_000, 990, True), (1_000, 699, False), (1_000, 0, False), (0, 5, True), (0, 0, False), (1_000, 3_001, False),
])
def test_check_change__absurd__refused(before: int, after: int, fine: bool) -> None:
    """L86."""
    if fine:
        check_change("aws", before, after)
    else:
        with pytest.raises(ListError):
            check_change("aws", before, after)


@pytest.mark.parametrize("pattern", [
    "(a+)+$", "(a|aa)+$", "a.*b.*c", ".*", "a*", "x" * 300, "[", "(?i)bad", "(?P<a>bad)", r"(b)\1ad",
    "bad\u2028Mozilla", "(?=bad)", "(bad){9}",
])
def test_usable__runs_away_fits_everything_or_changes_others__refused(pattern: str) -> None:
    """L86: patterns are joined to one, and stored one a line."""
    assert not usable(pattern)


def test_crawlers__one_pattern_has_flags__the_others_still_work() -> None:
    found = READ["crawlers"](json.dumps([{"pattern": one} for one in ("(?i)bad", "Good[bB]ot", "[Cc]url")]).encode())
    assert Crawlers(found).match("GoodBot/1")


# What crawlers, fetchers and monitors say of themselves: instances in crawler-user-agents, one of each form of pattern.
INSTANCES = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "AdsBot-Google (+http://www.google.com/adsbot.html)", "Wget/1.20.3 (linux-gnu)", "Go-http-client/2.0",
    "Mozilla/4.0 (compatible; grub-client-1.0.4; Crawl your own stuff with http://grub.org)",
    "istellabot-nutch/Nutch-1.10", "BIGLOTRON (Beta 2;GNU/Linux)", "python-requests/2.22.0",
)


@pytest.mark.parametrize("agent", INSTANCES)
def test_crawler__instances_of_the_list__known(lists: Lists, agent: str) -> None:
    assert lists.crawler(agent)


@pytest.mark.parametrize("agent", PEOPLE)
def test_door__what_people_send__is_no_crawler_and_no_program(lists: Lists, agent: str) -> None:
    """L86: not even when a list names it."""
    assert not lists.crawler(agent)
    assert not Crawlers(["Chrome", "Safari/", "okhttp", "libcurl", "^Dalvik", "CFNetwork", "Mozilla"]).match(agent)
    assert not declared(agent)


def test_marks__another_day_placement_or_key__cannot_be_linked() -> None:
    viewer = b"12345678"
    assert len({viewer_mark(viewer, 1, KEY), viewer_mark(viewer, 2, KEY), viewer_mark(viewer, 1, KEY[::-1])}) == 3
    assert network_mark("84.1.2.3", 5, KEY) == network_mark("84.1.2.99", 5, KEY) != network_mark("84.1.2.3", 6, KEY)
    assert [network_mark(ip, 5, KEY) for ip in ("", "127.0.0.1", "10.2.3.4", "unix")] == [None] * 4


# ---- sums -----------------------------------------------------------------------------------------------------------


def moving(step: int = 10) -> list[list[int]]:
    return [[100 * n, 9_000, 500 + step * n, 1_000, 1, 1] for n in range(12)]


def test_trace__a_recording__the_same_whatever_its_times() -> None:
    again = [[one[0] * 2 + 7, *one[1:]] for one in moving()]
    assert trace_of(moving(), 4) == trace_of(again, 4) != trace_of(moving(11), 4)
    assert trace_of([[100 * n, 9_000, 500, 1_000, 1, 1] for n in range(12)], 4) is None
    assert (is_steady(moving()), is_still(moving())) == (True, False)
    assert (is_steady([]), is_still([]), trace_of([], 4)) == (False, False, None)


events = st.builds(
    Seen, seq=st.integers(1, 10**6), placement=st.integers(1, 3), publisher=st.just(1), is_click=st.booleans(),
    decided_ms=st.integers(10**12, 10**12 + 10**6), received_ms=st.integers(10**12 + 10**6, 10**12 + 2 * 10**6),
    viewer=st.none() | st.integers(1, 3), network=st.none() | st.integers(1, 2), watched_ms=st.integers(0, 9_999),
    is_steady=st.booleans(), is_still=st.booleans(), trace=st.none() | st.integers(1, 2),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(events, max_size=12), st.integers(0, 12))
def test_count__in_any_batches__the_same_sums(given_events: list[Seen], cut: int) -> None:
    whole = count(given_events)
    parts = count(given_events[:cut])
    for key, cell in count(given_events[cut:]).items():
        parts[key] = parts[key] + cell if key in parts else cell
    assert parts == whole
    count_viewers(whole, given_events, {key for key in whole if key.level is Level.VIEWER})
    for key, cell in whole.items():
        if key.level is Level.PLACEMENT:
            viewers = {one.viewer for one in given_events if one.placement == key.placement} - {None}
            assert cell.viewers == len(viewers)


def case(level: Level, cell: Cell, **more: object) -> Case:
    around = {"placement": Cell(views=10_000, viewers=2_000), "market": Cell(views=10**6, clicks=10**4)}
    return Case(level, cell, **({"views_before": 0, "clicks_before": 0} | around | more))  # type: ignore[arg-type]


def rule_of(one: Case) -> Rule | None:
    found = judge(one, RULES)
    return found.rule if found else None


def test_judge__more_seen_than_time_has_passed__impossible() -> None:
    passed = Cell(views=9, watched_ms=60_000, first_ms=0, last_ms=55_000)
    assert rule_of(case(Level.VIEWER, passed)) is None
    passed.watched_ms += 1
    assert rule_of(case(Level.VIEWER, passed)) is Rule.MORE_SEEN_THAN_TIME
    assert rule_of(case(Level.NETWORK, passed)) is None


def test_judge__same_recording_six_times__replayed() -> None:
    assert rule_of(case(Level.TRACE, Cell(views=5))) is None
    assert rule_of(case(Level.TRACE, Cell(views=6))) is Rule.REPLAYED_TRACE


def test_judge__clicks__a_lucky_place_is_left_alone_and_a_farm_is_not() -> None:
    lucky, farm = Cell(views=5_000, clicks=500), Cell(views=400, clicks=200)
    assert rule_of(case(Level.PLACEMENT, lucky)) is None
    found = judge(case(Level.PLACEMENT, farm), RULES)
    assert found is not None
    assert (found.rule, found.scope) == (Rule.TOO_MANY_CLICKS, Scope.CLICKS)
    assert rule_of(case(Level.PLACEMENT, farm, views_before=390)) is None     # tested when it has doubled


def test_judge__clicks_at_the_same_moment__a_timer() -> None:
    n, delay_ms = 25, 2_000
    machine = Cell(views=4_000, clicks=n, delay_ms=n * delay_ms, delay_ms2=n * (delay_ms**2 + 40**2))
    person = Cell(views=4_000, clicks=n, delay_ms=n * delay_ms, delay_ms2=n * (delay_ms**2 + 900**2))
    assert rule_of(case(Level.PLACEMENT, machine, views_before=3_999)) is Rule.CLICKS_ON_A_TIMER
    assert rule_of(case(Level.PLACEMENT, person, views_before=3_999)) is None


def test_judge__clicks_at_one_moment_among_peoples__only_those() -> None:
    """A tenth of a placement's clicks may come in the same tenth of a second; its rate may differ as rates do."""
    def moment(clicks: int, of: int, **more: object) -> Case:
        return case(Level.TRACE, Cell(clicks=clicks, delay_ms=9_020 * clicks, delay_ms2=9_020**2 * clicks),
                    placement=Cell(views=9_000, clicks=of), **more)

    assert [rule_of(moment(20, of)) for of in (20, 22, 60, 200)] == [Rule.CLICKS_ON_A_TIMER] * 2 + [None] * 2
    assert rule_of(moment(19, 19)) is rule_of(moment(300, 1_000)) is None       # people may be quick together
    assert rule_of(moment(25, 25, clicks_before=21)) is None                    # tested when it has doubled
    found = judge(moment(40, 60), RULES)
    assert found is not None
    assert (found.scope, found.evidence["mean_delay_ms"], found.evidence["placement_clicks"]) == (Scope.ALL, 9_020, 60)


def test_moment__of_a_click__tenths_of_a_second() -> None:
    moments = [moment_of(delay_ms, 100) for delay_ms in (-5, 99, 100, 199, 9_000, 9_099, 9_100)]
    assert [moments.index(one) for one in moments] == [0, 0, 2, 2, 4, 4, 6]


def test_watch__other_people_and_scripts__timers_in_a_crowd_are_found_and_nobody_else() -> None:
    """L84: rules fit more than the town that they were made with; figures: `python -m bench.traffic --elsewhere`."""
    town = Elsewhere(101, 0, 0.0, RULES, [])
    reports = [one for _ in range(300) for one in town._visit(HONEST)]
    reports += town._clickers_on_a_timer(town.timers[0], 300)
    reports.sort(key=lambda one: one.seen.received_ms)
    reports = [replace(one, seen=replace(one.seen, seq=place)) for place, one in enumerate(reports)]
    watch = Watch(RULES)
    for start in range(0, len(reports), 500):
        watch.step([one.seen for one in reports[start : start + 500]])
    flagged = {who: [one.seen.seq in watch.flagged_ms for one in reports if one.who == who and one.seen.is_click]
               for who in (HONEST, "timer_in_a_crowd")}
    assert sum(flagged["timer_in_a_crowd"]) > 0.9 * len(flagged["timer_in_a_crowd"]) > 50
    assert sum(flagged[HONEST]) <= len(flagged[HONEST]) / 20       # who clicks in the same tenth of a second by chance


def test_judge__a_day_before_a_fixed_camera__signals_only_together() -> None:
    """A viewer who sits in a game with a fixed camera for two hours is honest; a client that never ends is not."""
    seated = Cell(views=240, steady=240, still=240, watched_ms=400_000, last_ms=2 * HOUR_MS)
    endless = Cell(views=240, steady=240, still=240, watched_ms=400_000, last_ms=3 * HOUR_MS)
    lively = Cell(views=240, steady=240, still=12, watched_ms=400_000, last_ms=9 * HOUR_MS)
    assert [rule_of(case(Level.VIEWER, one)) for one in (seated, endless, lively)] == [None, Rule.SIGNALS, None]


def test_judge__a_class_in_one_school__honest() -> None:
    school = Cell(views=900, clicks=9, viewers=25, steady=300, still=90, last_ms=HOUR_MS)
    assert rule_of(case(Level.NETWORK, school, placement=Cell(views=1_000, viewers=60))) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3_000), st.integers(0, 3_000), st.integers(100, 300_000), st.integers(2, 500))
def test_log10_tail__more_clicks__never_more_probable(views: int, clicks: int, mean_ppm: int, prior: int) -> None:
    clicks = min(clicks, views - 1)
    tail, more = log10_tail(clicks, views, mean_ppm, prior), log10_tail(clicks + 1, views, mean_ppm, prior)
    assert more <= tail + 1e-9 <= 1e-9


def test_log10_tail__against_plain_sums() -> None:
    """Two views under Beta(0.4, 1.6): no click with b (b + 1) / ((a + b) (a + b + 1)); the mean is capped at 20 %."""
    assert 10 ** log10_tail(1, 2, 500_000, 2) == pytest.approx(1 - 1.6 * 2.6 / 6, rel=1e-9)


def test_looks__however_many__spend_no_more_than_alpha() -> None:
    assert sum(10 ** log10_alpha(9, n) for n in range(1, 60)) < 1e-9
    assert [look(views, 20) for views in (0, 19, 20, 80)] == [0, 0, 1, 3]


def test_bench__a_small_day__crude_bots_are_caught_and_people_left_alone() -> None:
    """L84: production rules on labelled traffic; the honest figures are in docs/invalid-traffic.md."""
    scores = added([run(7, sessions=500, bots=0.34)])
    honest = scores[HONEST]
    assert honest.caught / honest.events <= 0.005
    for who in ("data_centre_fleet", "crawlers", "speeders", "hidden_loopers", "rotating_fleet", "click_farm"):
        assert scores[who].caught / scores[who].events >= 0.9, who
    assert scores["replayers"].caught / scores["replayers"].events >= 0.75
    assert scores[NOT_CAUGHT].caught / scores[NOT_CAUGHT].events < 0.1      # who says otherwise measures his own bots
    assert float(str(rows(scores)["ivt_precision_money"]["value"])) > 0.95


# ---- the door -------------------------------------------------------------------------------------------------------

NOW_MS = 1_800_000_000_000
TOKEN = sign(DecisionToken(
    decision_id=decision_id(NOW_MS - 10_000, b"0123456789"), chain_id=31_337, campaign=3, line_item=5, creative=7,
    placement=11, publisher=13, price_micro_usdc=4_321, bid_kind=BidKind.VCPM, expires_ms=NOW_MS + 110_000,
    viewer=b"viewer-8",
), KEY)
BATCH = msgspec.json.encode({"events": [
    {"kind": "viewable", "token": TOKEN, "samples": [[t, 10_000, 400, 1_000 + t % 7, True, True]
                                                     for t in range(0, 1_500, 100)]},
    {"kind": "click", "token": TOKEN},
]})


@pytest.mark.parametrize(("ip", "agent", "reason"), [
    ("3.5.140.2", "Mozilla/5.0", DropReason.DATA_CENTRE), ("84.1.2.3", "Mozilla/5.0", None), ("", "Mozilla/5.0", None),
    ("84.1.2.3", "Mozilla/5.0 (compatible; PetalBot)", DropReason.BOT), ("84.1.2.3", "Keydrop.io", DropReason.CRAWLER),
])
def test_door__quick_way_and_steps__refuse_alike(lists: Lists, ip: str, agent: str, reason: DropReason | None) -> None:
    """L86: and what is accepted has marks, never the address."""
    about = Circumstances(NOW_MS, agent, 31_337, KEY, RULES, ip=ip, lists=lists)
    request = quick.asked(about)
    for report in reports.decode_batch(BATCH).events:
        found = quick.judge(report, request)
        one = pipeline.incoming(msgspec.Raw(b""))
        one.report = report
        assert found.reason == pipeline.run_decoded(one, about) == reason
        if reason is None:
            assert isinstance(found.record, AcceptedRecord)
            assert found.record == pipeline.accepted(one, about)
            assert found.record.viewer_mark == viewer_mark(b"viewer-8", 11, KEY)
            assert found.record.network_mark == network_mark(ip, NOW_MS // 86_400_000, KEY)
