"""OpenRTB without any server: prices, lists, chains, circuits, VAST; whatever bytes come, an answer or a refusal."""

import sys
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.categories import CampaignCategory, DeviceClass, WorldCategory
from backend.core.decision_token import DecisionToken
from backend.core.errors import BadRequest, Conflict, TooLarge, Unprocessable
from backend.core.events import BidKind
from backend.core.exchange import Candidate, DemandBid, DemandOffer, DemandRequest, SupplyBid
from backend.core.ruleset import Ruleset
from backend.openrtb import asking, iab, vast
from backend.openrtb.answer import Links, banner, bid_of
from backend.openrtb.answer import encode as encode_bid
from backend.openrtb.bidder import FAILURES, FAILURES_MAX, REST_SECONDS, Bidder, Bucket, Circuit, Outcome
from backend.openrtb.exchange import Exchange, Slot, tag_of
from backend.openrtb.native import answer, wanted_by
from backend.openrtb.notices import price_to_charge, signing_key
from backend.openrtb.outgoing import bid_in, request_of
from backend.openrtb.prices import cleared_micro_usdc, cpm, floor_micro_usdc
from backend.openrtb.reading import DEPTH_MAX, IMPS_MAX, read_request, unpacked
from backend.openrtb.request import BidRequest
from backend.openrtb.sellers import ads_txt_lines, app_ads_txt
from backend.traffic.lists import Crawlers, Lists, Networks

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import openrtb_examples as examples
from openrtb_schema import BID, BID_REQUEST, mistakes

EXCHANGE = Exchange(1, "Exchange", "exchange.example", "sightline", 9, slots=(
    Slot(1, "image", 300, 250), Slot(2, "video", 1_280, 720), Slot(3, "image", 300, 250, "vip"),
))
FACTS = DecisionToken(b"\x01" * 16, 31_337, 1, 2, 3, 4, 5, 2_350, BidKind.VCPM, 120_000, b"viewer__")
SHOWN = Candidate(2, 7, "retail", 3, "video", 1_920, 1_080, 15_500, "https://a.example/3.mp4?x=1&y=2", "https://s.example/")


# ---- prices ---------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10**9))
def test_prices__ours__are_exact_dollars_and_come_back(price: int) -> None:
    """L87."""
    assert floor_micro_usdc(cpm(price)) == price
    assert cleared_micro_usdc(str(cpm(price))) == price


@given(st.decimals(0, 10**6, allow_nan=False, places=6))
def test_prices__of_others__are_rounded_in_favour_of_who_pays(price: Decimal) -> None:
    """L87: floors up, clearing prices down."""
    floor, cleared = floor_micro_usdc(price), cleared_micro_usdc(str(price))
    assert floor >= price * 1_000 > floor - 1
    assert cleared is None or cleared <= price * 1_000 < cleared + 1
    assert (cleared is None) == (price == 0)


@pytest.mark.parametrize("text", ["", "${AUCTION_PRICE}", "NaN", "Infinity", "-1", "0", "1e9", "1" * 31, "①"])
def test_prices__what_is_no_price__is_none(text: str) -> None:
    assert cleared_micro_usdc(text) is None


def test_floor__absurd__is_above_every_bid() -> None:
    assert floor_micro_usdc(Decimal("1e999999")) == 10**9 + 1
    assert floor_micro_usdc(Decimal("NaN")) == 10**9 + 1
    assert floor_micro_usdc(Decimal("-1")) == 0
    assert floor_micro_usdc(None) == 0


@given(st.integers(0, 5_000), st.integers(0, 200_000))
def test_price_to_charge__whatever_is_said__never_more_than_the_bid_nor_late(price: int, now_ms: int) -> None:
    """L87."""
    said = str(Decimal(price) / 1_000)
    if 0 < price <= FACTS.price_micro_usdc and now_ms <= FACTS.expires_ms:
        assert price_to_charge(FACTS, said, now_ms) == price
    else:
        with pytest.raises((Conflict, Unprocessable)):
            price_to_charge(FACTS, said, now_ms)


def test_signing_key__is_not_the_token_key() -> None:
    """L88."""
    assert len({signing_key(bytes(32)), signing_key(bytes([1]) * 32), bytes(32)}) == 3


# ---- reading --------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=12,
)
SEEDS = [examples.SIMPLE_BANNER, examples.MOBILE_APP, examples.VIDEO, examples.DEAL, examples.NATIVE, examples.DOOH]


@st.composite
def bent_requests(draw: st.DrawFn) -> bytes:
    """A request like the specification's, of which some parts are something else."""
    request = msgspec.json.decode(msgspec.json.encode(draw(st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(1, 4))):
        place: Any = request
        while isinstance(place, dict | list) and place:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
                place[key] = draw(json_values)
                break
            place = place[key]
    return msgspec.json.encode(request)


@given(st.binary(max_size=60) | bent_requests() | json_values.map(msgspec.json.encode), st.booleans())
def test_read__whatever_comes__is_a_request_or_refused(body: bytes, strict: bool) -> None:
    """No other exception, and whatever was read can be asked for."""
    try:
        request = read_request(body, strict=strict)
    except BadRequest:
        return
    everything(request)


def everything(request: BidRequest) -> None:
    """All that the service does with a request before and after it asks the auction."""
    asking.refusal(request, EXCHANGE)
    asking.not_for_us(request, EXCHANGE)
    asking.signals(request, EXCHANGE)
    for imp in request.imp:
        for way in asking.ways(imp, EXCHANGE, Ruleset()):
            for terms in asking.terms_of(imp, request, EXCHANGE):
                assert terms.floor_micro_usdc >= 0
                asking.admits(asking.Blocks.of(request), imp, way, terms, {}, secure_links=True)(SHOWN)
            won = SupplyBid(FACTS, SHOWN)
            links, version = Links("https://ads.example", "token"), asking.vast_version(imp)
            bid = bid_of(won, imp.id, way, None, EXCHANGE, links, {}, version, 0)
            assert mistakes(msgspec.json.decode(encode_bid(bid)), BID) == []


def read(strict: bool = False, imp: dict[str, Any] | None = None, **request: Any) -> BidRequest:
    """A request for one banner of 300 x 250, unless told otherwise."""
    imps = [{"id": "1", "banner": {"w": 300, "h": 250}} | (imp or {})]
    return read_request(msgspec.json.encode({"id": "r1", "imp": imps} | request), strict=strict)


def sold(request: BidRequest, shown: Candidate = SHOWN) -> list[tuple[asking.Way, int]]:
    """By which ways, at which floors, a creative may be bid for the first impression."""
    (imp, *_), made = request.imp, []
    for terms in asking.terms_of(imp, request, EXCHANGE):
        for way in asking.ways(imp, EXCHANGE, Ruleset()):
            if asking.admits(asking.Blocks.of(request), imp, way, terms, {}, secure_links=True)(shown):
                made.append((way, terms.floor_micro_usdc))
    return made


@pytest.mark.parametrize("price", ["1,25", "a lot", 1e300, True, [], {"usd": 1}, "NaN", "sNaN"])
def test_read__price_that_is_none__binds_as_one_that_nobody_can_reach(price: Any) -> None:
    """A floor or a multiplier that is not understood is not as good as none."""
    request = read(imp={"bidfloor": price, "pmp": {"deals": [{"id": 7, "bidfloor": price}]}})
    assert {terms.floor_micro_usdc for terms in asking.terms_of(request.imp[0], request, EXCHANGE)} == {10**9 + 1}
    assert sold(read(imp={"qty": {"multiplier": price}})) == []
    for strict in (False, True):
        with suppress(BadRequest):
            everything(read(strict, {"bidfloor": price, "qty": {"multiplier": price}}))


@pytest.mark.parametrize("price", ["", " ", None, 0, "0", -1])
def test_read__no_price__is_no_floor(price: Any) -> None:
    assert [floor for _, floor in sold(read(imp={"bidfloor": price}))] == [0]


@pytest.mark.parametrize("body", [
    b'{"id":"r1","imp":[{"id":"1"}],"site":{"name":"cut \\ud83d"}}', b'\xef\xbb\xbf{"id":"r1","imp":[{"id":"1"}]}',
    b'{"id":"r1","imp":[{"id":"1"}],"site":{"name":"a\tb"}}',
    b'{"id":"r1","imp":[{"id":"1","native":{"request":{"\\udfff":"\\ud800"}}}],"device":{"geo":{"lat":1e999}}}',
])
def test_read__not_quite_json__is_read_by_the_lenient_reader_alone(body: bytes) -> None:
    """Whatever of it is told again can be written down."""
    request = read_request(body, strict=False)
    everything(request)
    assert msgspec.json.encode(request)
    assert (request.id, request.imp[0].id) == ("r1", "1")
    with pytest.raises(BadRequest):
        read_request(body, strict=True)


def test_read__long_lists__are_read_to_their_end() -> None:
    """Whoever blocks thousands must be able to rely on the last of them too."""
    others = [f"shop{number}.example" for number in range(3_000)]
    assert sold(read(badv=others))
    assert sold(read(badv=[*others, "s.example"])) == []
    assert sold(read(bcat=[f"IAB25-{number}" for number in range(3_000)] + ["IAB22"])) == []


def test_read__more_impressions_than_we_look_at__are_offered_all_the_same() -> None:
    many = [{"id": str(number), "banner": {"w": 300, "h": 250}} for number in range(100)]
    for strict in (False, True):
        found = read_request(msgspec.json.encode({"id": "r", "imp": many}), strict=strict)
        assert [imp.id for imp in found.imp] == [str(number) for number in range(IMPS_MAX)]


@pytest.mark.parametrize(("banner", "ways"), [
    ({}, [(0, 0, None)]), ({"w": 0, "h": 0, "format": [{}]}, [(0, 0, None)]), ({"w": 300}, []),
    ({"format": [{"w": 300}, {"h": 250}]}, []), ({"w": -300, "h": -250}, []),
    ({"format": [{"wratio": 6, "hratio": 5, "wmin": 300}]}, [(0, 0, (6, 5))]),
    ({"format": [{"wratio": 16, "hratio": 9}]}, []), ({"w": 300, "h": 250, "btype": [1, 3, 4]}, [(300, 250, None)]),
    ({"w": 300, "h": 250, "btype": [2]}, []),
    ({"w": 320, "h": 50, "format": [{"w": 600, "h": 500}]}, [(600, 500, None)]),
])
def test_banner__sizes_shapes_and_types__are_those_that_were_asked_for(banner: Any, ways: list[Any]) -> None:
    found = [way for way, _ in sold(read(imp={"banner": banner}))]
    assert [(way.width, way.height, way.ratio) for way in found] == ways


def test_banner__shape_instead_of_a_size__is_told_in_the_bid() -> None:
    (way, _), = sold(read(imp={"banner": {"format": [{"wratio": 6, "hratio": 5}]}}))
    bid = bid_of(SupplyBid(FACTS, SHOWN), "1", way, None, EXCHANGE, Links("https://ads.example", "t"), {}, None, 0)
    assert (bid.wratio, bid.hratio) == (6, 5)


def test_banner__what_the_ad_says__is_its_alternative_text_whatever_that_is() -> None:
    won = SupplyBid(FACTS, replace(SHOWN, kind="image", alt_text='5 > 4 & "cheap"'))
    page = ElementTree.fromstring(
        banner(won, 300, 250, Links("https://ads.example", "t"), "").replace(' border="0">', "/>")
    )
    assert [image.attrib["alt"] for image in page.iter("img")] == ['5 > 4 & "cheap"']


STORE = "https://play.google.com/store/apps/details?id=com.example.harbour"


def test_blocks__apps_and_languages__are_kept() -> None:
    app = replace(SHOWN, click_url=STORE)
    assert sold(read(bapp=["com.other"]), app)
    assert sold(read(bapp=["com.example.harbour"]), app) == []
    (way, _), = sold(read(), app)
    assert bid_of(
        SupplyBid(FACTS, app), "1", way, None, EXCHANGE, Links("https://ads.example", "t"), {}, None, 0
    ).bundle == "com.example.harbour"
    assert iab.advertised_app("https://apps.apple.com/app/id12") == "12"
    assert iab.advertised_app("https://shop.example/id12") is None
    assert asking.not_for_us(read(wlang=["de"]), EXCHANGE)
    assert asking.not_for_us(read(wlangb=["de-AT"]), EXCHANGE)


FILM = {"mimes": ["video/mp4"], "w": 1_280, "h": 720, "maxduration": 30}
BY_LENGTH = [{"maxdur": 10, "bidfloor": 1}, {"mindur": 11, "maxdur": 20, "bidfloor": 3}, {"mindur": 21, "bidfloor": 9}]


@pytest.mark.parametrize(("film", "floors"), [
    ({"durfloors": BY_LENGTH}, [3_000, 9_000]), ({"durfloors": BY_LENGTH[:1]}, [500, 1_000]),
    ({"mincpmpersec": 0.2}, [4_000, 5_000, 6_000]), ({"mincpmpersec": "dear"}, [10**9 + 1]),
    ({"mincpmpersec": 0.01}, [500]), ({}, [500]),
])
def test_video__floors_by_length__bind_by_the_length_of_what_is_shown(film: Any, floors: list[int]) -> None:
    """It has fifteen and a half seconds. A deal may have floors of its own."""
    asked = {"banner": None, "video": FILM | film, "bidfloor": 0.5}
    found = [floor for _, floor in sold(read(imp=asked))]
    assert found[:len(floors)] == floors
    assert found == sorted(set(found))
    deal = {"pmp": {"private_auction": 1, "deals": [{"id": "7", "bidfloor": 0.5, **film}]}}
    assert [floor for _, floor in sold(read(imp=asked | deal | {"video": FILM}))] == found


@pytest.mark.parametrize(("player", "sizes"), [
    ({"w": 640, "h": 360}, [(640, 360)]), ({"w": 640, "h": 480}, [(0, 0)]), ({"w": 940, "h": 560}, [(0, 0)]),
    ({"w": 640, "h": 480, "boxingallowed": 0}, []), ({"w": 300, "h": 250}, []), ({"w": 360, "h": 640}, []),
    ({"w": 0, "h": 0}, [(0, 0)]), ({}, [(0, 0)]),
])
def test_video__player_of_another_shape__boxes_it_where_that_is_allowed(player: Any, sizes: list[Any]) -> None:
    """The size is the player's, and most of them are 4:3; the bid then tells that of the film."""
    ways = [way for way, _ in sold(read(imp={"banner": None, "video": {"mimes": ["video/mp4"], **player}}))]
    assert [(way.width, way.height) for way in ways] == sizes


def test_request__says_nothing_of_one_place__is_no_contradiction() -> None:
    """Some write {} for what they do not have, and 0 for a time that they do not give."""
    empty: dict[str, Any] = {"site": {}, "app": {"id": "1"}, "tmax": 0}
    assert asking.refusal(read(**empty), EXCHANGE) is None
    assert asking.refusal(read(site={"page": "https://a.example/"}, app={"id": "1"}), EXCHANGE) == 2
    assert asking.refusal(read(tmax=-1), EXCHANGE) == 15


def test_read__too_deep__is_refused_before_it_is_decoded() -> None:
    nested = b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1)
    with pytest.raises(BadRequest, match="openrtb_request"):
        read_request(b'{"id":"1","imp":[{"id":"1"}],"ext":' + nested + b"}", strict=False)
    text = b'"' + b'\\"[{' * 100 + b'"'
    assert read_request(b'{"id":"1","imp":[{"id":"1"}],"ext":' + text + b"}", strict=False).id == "1"


@given(st.binary(max_size=80), st.sampled_from(["gzip", "identity", "br", "", None]))
def test_unpacked__any_bytes__are_read_or_refused(body: bytes, encoding: str | None) -> None:
    with suppress(BadRequest, TooLarge):
        assert len(unpacked(body, encoding, 1_000)) <= 1_000


# ---- answers of bidders ---------------------------------------------------------------------------------------------

ASKED = DemandRequest("r1", 1, "image", 300, 250, None, None, 1_000, 4, 1, "games", "three", (), ())
OFFER = DemandOffer(12, (7, 8), 5_000)
NO_BIDS = [b"", b" \n", b"{}", b'{"id":"r1","seatbid":[]}', b'{"id":"r1","nbr":2}', b'{"id":"r1","seatbid":[],"nbr":2}',
           b'{"id":"r1","seatbid":null}', b'{"id":"r1","seatbid":[{"seat":"s","bid":[]}]}', b'{"seatbid":[]}']


@pytest.mark.parametrize("body", NO_BIDS)
def test_bid_in__every_way_to_say_nothing__is_no_bid_and_no_failure(body: bytes) -> None:
    """Implementation notes, section 7.1: else the circuit opens for a bidder that merely has nothing to show."""
    assert bid_in(body, ASKED, OFFER, 120) is Outcome.NO_BID
    assert Outcome.NO_BID not in FAILURES


def answered(*bids: dict[str, Any], **response: Any) -> DemandBid | Outcome:
    made = [{"impid": "1", "crid": "7", "price": 3} | bid for bid in bids]
    return bid_in(msgspec.json.encode({"id": "r1", "seatbid": [{"bid": made}]} | response), ASKED, OFFER, 120)


@pytest.mark.parametrize(("bid", "expected"), [
    ({"price": "3.5"}, 3_500), ({"price": "3.5009"}, 3_500), ({"price": 5}, 5_000), ({"crid": 8}, 3_000),
    ({"price": "NaN"}, "malformed"), ({"price": "Infinity"}, "malformed"), ({"price": "sNaN"}, "malformed"),
    ({"price": 1e300}, "malformed"), ({"price": None}, "malformed"), ({"price": [3]}, "malformed"),
    ({"price": -1}, "malformed"), ({"price": 0}, "malformed"), ({"price": 5.001}, "above_maximum"),
    ({"price": 0.9999}, "below_floor"), ({"price": 1e-30}, "below_floor"), ({"impid": "2"}, "malformed"),
    ({"exp": 119}, "too_short"), ({"exp": 120}, 3_000), ({"exp": 0}, 3_000), ({"exp": "x"}, 3_000),
    ({"impid": None}, "malformed"), ({"crid": "9"}, "unknown_creative"), ({"crid": None}, "unknown_creative"),
])
def test_bid_in__whatever_is_bid__is_a_price_that_we_may_take_or_has_its_reason(bid: Any, expected: Any) -> None:
    """L88."""
    found = answered(bid)
    assert (found.bid_micro_usdc if isinstance(found, DemandBid) else found) == expected


def test_bid_in__several_bids__the_best_that_we_may_take_counts() -> None:
    assert answered({}, {"price": 4}, {"price": 6}, {"price": "NaN"}) == DemandBid(12, 7, 4_000)
    assert answered({"price": 6}, {"price": -1}) is Outcome.ABOVE_MAXIMUM
    assert answered({}, id="r2") is Outcome.MALFORMED
    assert answered({}, cur="EUR") is Outcome.WRONG_CURRENCY
    assert answered({}, cur=None, bidid=5) == DemandBid(12, 7, 3_000)


@given(st.binary(max_size=60) | json_values.map(msgspec.json.encode))
def test_bid_in__any_bytes__are_an_outcome(body: bytes) -> None:
    with suppress(BadRequest):
        assert isinstance(bid_in(body, ASKED, OFFER, 120), Outcome)


def test_request_of__objection__is_the_text_of_the_header() -> None:
    """The extension has it as text, and it is not there when the viewer did not object."""
    bidder = Bidder(1, 12, "https://bidder.example/", "dsp-1", 100, 10)
    for objects in (False, True):
        body = request_of(replace(ASKED, gpc=objects), OFFER, bidder, "ads.example", 120)
        request = msgspec.json.decode(body)
        assert mistakes(request, BID_REQUEST) == []
        assert request.get("regs") == ({"ext": {"gpc": "1"}} if objects else None)
        assert request["device"]["lmt"] == int(objects)


# ---- words ----------------------------------------------------------------------------------------------------------


def test_words__every_one_of_ours__has_one_of_theirs() -> None:
    assert set(iab.IAB_BY_CATEGORY) == set(CampaignCategory)
    assert set(iab.IAB_BY_WORLD) == set(WorldCategory)
    assert set(iab.DEVICE_TYPES) == set(DeviceClass)
    assert (iab.country("DEU"), iab.country("de"), iab.country("XX"), iab.country(None)) == ("DE", "DE", None, None)
    assert (iab.language("de-AT"), iab.language("EN_us"), iab.language("deu")) == ("de", "en", None)
    assert (iab.device(4), iab.device(3), iab.device(3, headset=True)) == ("mobile", None, "vr")


@pytest.mark.parametrize(("blocked", "allowed", "taxonomy", "expected"), [
    (["IAB25, iab9 "], [], None, True),
    (["IAB9"], [], None, True), (["iab9-30"], [], 1, True), (["IAB9-3"], [], 1, False), (["IAB10"], [], 1, False),
    ([], ["IAB9"], 1, False), ([], ["IAB1"], 1, True), (["632"], [], 6, True), ([], [], 6, False),
])
def test_category__blocked__also_by_what_contains_it(
    blocked: list[str], allowed: list[str], taxonomy: int | None, expected: bool
) -> None:
    assert iab.category_blocked("games", iab.listed(blocked), iab.listed(allowed), taxonomy) is expected


def test_domains__blocked__with_all_below_them() -> None:
    assert iab.advertiser_domain("https://www.Shop.example/a") == "shop.example"
    for text in ("SHOP.example", "a.b,shop.example", "http://www.shop.example/a", "*.shop.example", "shop.example."):
        assert iab.domain_listed("autumn.shop.example", iab.domains([text])), text
    assert not iab.domain_listed("myshop.example", iab.domains(["shop.example", "", "https://"]))
    assert not iab.domain_listed("", iab.domains([""]))


@pytest.mark.parametrize(("mimes", "taken"), [
    ([], True), (["image/PNG"], True), (["image/jpeg", "image/gif"], False), (["text/html", "text/javascript"], True),
    (["application/javascript"], False), (["text/html", "image/gif"], False), (["image/jpg,image/png"], True),
])
def test_banner__media_types__restrict_pictures_by_their_types(mimes: list[str], taken: bool) -> None:
    picture = replace(SHOWN, asset_url="https://a.example/3.png")
    assert bool(sold(read(imp={"banner": {"w": 300, "h": 250, "mimes": mimes}}), picture)) is taken
    photo = replace(SHOWN, asset_url="https://a.example/3.jpg")
    assert sold(read(imp={"banner": {"w": 300, "h": 250, "mimes": ["image/jpg"]}}), photo)


@pytest.mark.parametrize(("said", "objected"), [
    ({"user": {"id": "u1", "consent": "C"}}, False), ({"user": {"ext": {"consent": "C"}, "id": "u1"}}, False),
    ({"device": {"ifa": "a"}, "regs": {"gdpr": 1, "gpp_sid": [2]}}, False), ({}, True), ({"device": {"dnt": 1}}, True),
    ({"user": {"id": "u1"}, "regs": {"us_privacy": "1YYN"}}, True),
    ({"user": {"id": "u1"}, "regs": {"coppa": 1}}, True),
    ({"user": {"id": "u1"}, "regs": {"gpp_sid": [2, 7]}}, True), ({"user": {"id": "u1"}, "device": {"lmt": 1}}, True),
    ({"user": {"id": "u1"}, "regs": {"ext": {"us_privacy": "1-Y-"}}}, True),
    ({"user": {"id": "u1"}, "regs": {"ext": {"gpp_sid": [8]}}}, True),
    ({"user": {"id": "u1"}, "regs": {"ext": {"gpc": "1"}}}, True),
    ({"device": {"ifa": "00000000-0000-0000-0000-000000000000"}}, True), ({"user": {"id": "0"}}, True),
])
def test_signals__objections_in_every_place__are_heard(said: dict[str, Any], objected: bool) -> None:
    """L64."""
    body = msgspec.json.encode({"id": "r1", "imp": [{"id": "1"}], **said})
    found = asking.signals(read_request(body, strict=False), EXCHANGE)
    assert found.gpc is objected
    assert (found.key == "1:request:r1") is objected


def test_slots__tag_of_their_own__come_first_and_are_for_nobody_else() -> None:
    assert [slot.placement for slot in EXCHANGE.slots_of("image", "vip")] == [3]
    assert [slot.placement for slot in EXCHANGE.slots_of("image", "other")] == [1]
    assert (tag_of("tag:home-top"), tag_of("Board")) == ("home-top", None)


def test_files__lines_of_ads_txt__name_the_seller() -> None:
    """L89: the number is that of sellers.json and of the chain."""
    assert ads_txt_lines("ads.example", 12).splitlines()[-1] == "ads.example, 12, DIRECT"
    assert "placeholder" in app_ads_txt("ads.example")


def test_refusal__programs__are_told_by_the_published_lists() -> None:
    """L86, for what exchanges offer: by the agent, and by either address."""
    known = Lists(Networks(["198.51.100.0/24", "2001:db8::/32"]), Crawlers(["Googlebot"]))
    for device, reason in (
        ({"ua": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, 3), ({"ip": "198.51.100.7"}, 5),
        ({"ipv6": "2001:db8::1"}, 5), ({"ip": "203.0.113.7", "ua": "Mozilla/5.0 (X11; Linux)"}, None),
        ({"ip": "198.51.100.0"}, 5), ({"ip": "no address"}, None), ({}, None),
    ):
        assert asking.refusal(read(device=device), EXCHANGE, known) == reason, device
        assert asking.refusal(read(device=device), EXCHANGE) is None


# ---- bidders --------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(list(Outcome)), st.floats(0, 20)), max_size=60))
def test_circuit__any_history__never_two_at_once_while_it_is_open(history: list[tuple[Outcome, float]]) -> None:
    circuit, now = Circuit(), 0.0
    for outcome, passed in history:
        now += passed
        is_open = circuit.failures >= FAILURES_MAX
        if circuit.admits(now):
            assert not (is_open and circuit.admits(now))
            circuit.record(outcome, now)
        else:
            assert is_open
            assert now < circuit.open_until


def test_circuit__fails_and_recovers__rests_longer_each_time() -> None:
    circuit = Circuit()
    for _ in range(FAILURES_MAX):
        assert circuit.admits(0)
        circuit.record(Outcome.TIMEOUT, 0)
    assert not circuit.admits(REST_SECONDS - 1)
    assert circuit.admits(REST_SECONDS)
    circuit.record(Outcome.BAD_STATUS, REST_SECONDS)
    assert not circuit.admits(2 * REST_SECONDS + 9)
    assert circuit.admits(3 * REST_SECONDS)
    circuit.record(Outcome.NO_BID, 3 * REST_SECONDS)
    assert [circuit.admits(31 + number) for number in range(3)] == [True] * 3


@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=60))
def test_bucket__any_second__has_no_more_than_twice_the_rate(gaps: list[float]) -> None:
    """The bucket may be full when the second begins."""
    bucket, now, taken = Bucket(5), 0.0, []
    for gap in gaps:
        now += gap
        if bucket.take(now):
            taken.append(now)
    assert all(sum(start <= moment < start + 1 for moment in taken) <= 10 for start in taken)


# ---- markup ---------------------------------------------------------------------------------------------------------

ORDER = {
    "Ad": ["InLine"], "Creative": ["UniversalAdId", "Linear"], "Creatives": ["Creative"],
    "InLine": [
        "AdSystem", "Error", "Extensions", "Impression", "Pricing", "ViewableImpression", "AdServingId", "AdTitle",
        "AdVerifications", "Advertiser", "Category", "Creatives", "Description", "Expires", "Survey",
    ],
    "Linear": ["Icons", "TrackingEvents", "AdParameters", "Duration", "MediaFiles", "VideoClicks"],
    "MediaFiles": ["ClosedCaptionFiles", "MediaFile", "Mezzanine", "InteractiveCreativeFile"], "VAST": ["Ad", "Error"],
    "VideoClicks": ["ClickTracking", "CustomClick", "ClickThrough"],
    "ViewableImpression": ["Viewable", "NotViewable", "ViewUndetermined"], "TrackingEvents": ["Tracking"],
}
"""Children in the order of the schema of VAST 4.2; what is not here has none."""
NEEDED = {
    "Ad": {"InLine"}, "Creative": {"UniversalAdId"}, "VAST": {"Ad"}, "Linear": {"Duration", "MediaFiles"},
    "InLine": {"AdSystem", "Impression", "AdServingId", "AdTitle", "Creatives"}, "MediaFiles": {"MediaFile"},
}
ATTRIBUTES = {
    "MediaFile": {"delivery", "type", "width", "height"}, "Tracking": {"event"}, "UniversalAdId": {"idRegistry"},
    "Category": {"authority"}, "VAST": {"version"},
}
OLD_ORDER = ORDER | {
    "InLine": [
        "AdSystem", "AdTitle", "Description", "Advertiser", "Pricing", "Survey", "Error", "Impression", "Creatives",
        "Extensions",
    ],
    "Linear": [
        "Icons", "CreativeExtensions", "Duration", "TrackingEvents", "AdParameters", "VideoClicks", "MediaFiles",
    ],
    "Creative": ["Linear"],
}
OLD_NEEDED = NEEDED | {"Creative": {"Linear"}, "InLine": {"AdSystem", "AdTitle", "Impression", "Creatives"}}
NO_SERVING_ID = {"InLine": [name for name in ORDER["InLine"] if name not in {"AdServingId", "Expires"}]}
WITH_ID_VALUE = ATTRIBUTES | {"UniversalAdId": {"idRegistry", "idValue"}}
SCHEMAS = {
    "2.0": (OLD_ORDER, OLD_NEEDED, ATTRIBUTES), "3.0": (OLD_ORDER, OLD_NEEDED, ATTRIBUTES),
    "4.0": (ORDER | NO_SERVING_ID, NEEDED | {"InLine": NEEDED["InLine"] - {"AdServingId"}}, WITH_ID_VALUE),
    "4.1": (ORDER, NEEDED, WITH_ID_VALUE), "4.2": (ORDER, NEEDED, ATTRIBUTES),
}
"""By version: the order of children, which of them must be there, which attributes (vast_2.0.1.xsd to vast_4.2.xsd)."""
TRACKED = {
    "mute", "unmute", "pause", "resume", "rewind", "skip", "playerExpand", "playerCollapse", "loaded", "start",
    "firstQuartile", "midpoint", "thirdQuartile", "complete", "progress", "closeLinear",
}


def video(**changes: Any) -> vast.Video:
    return vast.Video(**{
        "serving_id": "ab" * 16, "creative": 3, "asset_url": SHOWN.asset_url, "media_type": "video/mp4",
        "width": 1_920, "height": 1_080, "duration_ms": 15_500, "advertiser": "shop.example", "category": "IAB22",
        "click_url": "https://ads.example/openrtb2/click/t?a=1&b=<2>", "expires_seconds": 120,
        "links": Links("https://ads.example", "t").by_event(), **changes,
    })


@pytest.mark.parametrize("version", list(SCHEMAS))
def test_vast__every_version__has_what_its_schema_wants_in_its_order(version: str) -> None:
    order, needed, attributes = SCHEMAS[version]
    root = ElementTree.fromstring(vast.document(video(), version))
    for element in root.iter():
        space, _, name = element.tag.rpartition("}")
        assert space == (f"{{{vast.NAMESPACE}" if version.startswith("4") else "")
        children = [child.tag.rpartition("}")[2] for child in element]
        places = [order[name].index(child) for child in children] if children else []
        assert places == sorted(places), name
        assert needed.get(name, set()) <= set(children), name
        assert attributes.get(name, set()) <= element.attrib.keys(), name
        assert ("idValue" in element.attrib) is ("idValue" in attributes.get(name, set()))
    assert root.attrib["version"] == version
    tracked = {element.attrib["event"] for element in root.iter() if "event" in element.attrib}
    assert tracked == set(vast.PROGRESS) <= TRACKED
    assert root.findtext(".//{*}ClickThrough") == video().click_url
    assert root.findtext(".//{*}Duration") == "00:00:15.500"


@given(st.text(max_size=30).filter(str.isprintable), st.text(max_size=30).filter(str.isprintable))
def test_vast__any_text__is_escaped(url: str, advertiser: str) -> None:
    root = ElementTree.fromstring(vast.document(video(asset_url=url, advertiser=advertiser)))
    assert (root.findtext(".//{*}MediaFile") or "") == url


def test_native__request_of_1_0_and_1_2__are_both_read() -> None:
    asked = examples.NATIVE["imp"][0]["native"]["request"]
    for text in (asked, f'{{"native":{asked}}}'):
        wanted = wanted_by(text)
        assert wanted is not None
        assert (wanted.image, wanted.title, wanted.sponsor, wanted.title_max) == (128, 123, 124, 140)
        assert wanted.takes(300, 250)
        assert not wanted.takes(239, 199)
        assert not wanted.takes(300, 300)
        given_ = msgspec.json.decode(answer(wanted, "shop.example", "https://a.example/1.png", 300, 250, "https://c/"))
        given_ = given_["native"] if text.startswith('{"native"') else given_
        assert [asset["id"] for asset in given_["assets"]] == [128, 123, 124]
        assert given_["link"] == {"url": "https://c/"}
