"""Creatives from draft to appeal: only what a moderator approved is shown (L56), byte for byte (L55).

create, change
├── by upload                            → kind and size are those of the file
├── by URL and hash                      → as it was sent
├── neither, both, contradictions        → 422, nothing changes (L45)
├── another's upload, line item          → 404 (L46)
└── a change                             → a new version, pending; the old one is shown until it is approved
moderate
├── queue                                → oldest first, page by page
├── claim                                → one moderator at a time, for 15 minutes
├── approve, reject, take down           → once, with reasons, told to the owner
├── by the owner, by a member            → 403
└── appeal                               → once, decided by another moderator, final
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from creatives_kit import CLICK, ELSEWHERE, Agency, SignIn, done, open_agency, refusal, uploaded
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.core.ids import CreativeId
from backend.creatives.creative import VERSIONS_MAX
from backend.creatives.review import CLAIM_MINUTES
from backend.serving.feed.described import store as described

pytestmark = pytest.mark.usefixtures("accounts_app")
NOW_MS = 1_793_613_600_000          # 2026-11-02 10:00 UTC


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this module's app keeps assets."""
    return tmp_path_factory.mktemp("assets")


@pytest.fixture
def app(keep_app: Callable[..., FastAPI], folder: Path) -> FastAPI:
    return keep_app(auto_approve=False, data_dir=folder)


@pytest.fixture
async def agency(app: FastAPI, engine: Engine, sign_in: SignIn, wallet: Any) -> Agency:
    return await open_agency(app, engine, sign_in, wallet)


def served(engine: Engine) -> list[CreativeId]:
    """What the next catalogue would show."""
    with engine.begin() as connection:
        found = described.read_line_items(connection, NOW_MS)
    return [CreativeId(creative.id) for one in found for creative in one.item.creatives]


def notices(engine: Engine) -> list[tuple[str, Any]]:
    with engine.begin() as connection:
        rows = connection.execute(text("select kind, content from notice where kind like 'creative.%' order by id"))
        return [(row.kind, row.content) for row in rows]


# --- what is described ------------------------------------------------------------------------------------------


UPLOADS = (
    ("image/jpeg", "image", (32, 16), 0), ("video/webm", "video", (640, 360), 5_000),
    ("audio/mpeg", "audio", (0, 0), 1_044), ("model/gltf-binary", "model", (1_000, 500), 0),
)


async def test_create__by_upload__is_what_the_file_is(agency: Agency) -> None:
    for declared, kind, size, duration_ms in UPLOADS:
        asset = await uploaded(agency.advertiser, declared)
        creative = await agency.creative(asset=asset["sha256"], alt_text="  Autumn sale  ")
        assert (creative["kind"], (creative["width"], creative["height"])) == (kind, size)
        assert (creative["duration_ms"], creative["hosted"], creative["alt_text"]) == (duration_ms, True, "Autumn sale")
        assert creative["asset_url"] == f"http://127.0.0.1:8000/a/{asset['sha256']}"
        assert (creative["version"], creative["lineage_id"], creative["status"]) == (1, creative["id"], "pending")
        assert await agency.read(creative["id"]) == creative


async def test_create__on_another_host__is_as_it_was_sent(agency: Agency) -> None:
    creative = await agency.creative(**ELSEWHERE)
    assert {name: creative[name] for name in ELSEWHERE} == ELSEWHERE
    assert (creative["hosted"], creative["status"]) == (False, "pending")


async def test_create__local_chain_without_setting__is_approved_at_once(
    keep_app: Callable[..., FastAPI], folder: Path, engine: Engine, sign_in: SignIn, wallet: Any
) -> None:
    agency = await open_agency(keep_app(data_dir=folder), engine, sign_in, wallet)
    creative = await agency.creative(**ELSEWHERE)
    assert (creative["status"], served(engine)) == ("approved", [creative["id"]])
    second = await agency.version(creative["id"], click_url=CLICK + "?2")
    assert served(engine) == [second["id"]]


ASSET = {"asset": "9f" * 32, "click_url": CLICK}


BROKEN: tuple[tuple[dict[str, Any], tuple[int, str]], ...] = (
    ({"click_url": CLICK}, (422, "asset_missing")), (ELSEWHERE | ASSET, (422, "asset_missing")),
    (ASSET, (404, "asset_unknown")), (ASSET | {"asset": "9F" * 32}, (422, "invalid_request")),
    ({"asset": "9f" * 32}, (422, "invalid_request")), (ELSEWHERE | {"width": None}, (422, "asset_missing")),
    (ELSEWHERE | {"kind": "html"}, (422, "invalid_request")), (ELSEWHERE | {"kind": None}, (422, "asset_missing")),
    (ELSEWHERE | {"kind": "audio"}, (422, "invalid_request")),
    (ELSEWHERE | {"alt_text": "x" * 501}, (422, "invalid_request")),
    (ELSEWHERE | {"alt_text": "line\nbreak"}, (422, "invalid_request")),
    (ELSEWHERE | {"asset_sha256": None}, (422, "asset_missing")),
    (ELSEWHERE | {"click_url": "javascript:alert(1)"}, (422, "url_not_allowed")),
    (ELSEWHERE | {"status": "approved"}, (422, "invalid_request")),
    (ELSEWHERE | {"hosted": True}, (422, "invalid_request")),
)


async def test_create__breaks_a_rule__is_refused_and_changes_nothing(agency: Agency, engine: Engine) -> None:
    path = f"/v1/line-items/{agency.line_item}/creatives"
    for body, answer in BROKEN:
        assert refusal(await agency.advertiser.post(path, json=body)) == answer, body
    with engine.begin() as connection:
        assert connection.execute(text("select count(*) from creative")).scalar_one() == 0


async def test_create__contradicts_its_upload__is_refused(agency: Agency) -> None:
    sha256 = (await uploaded(agency.advertiser, "image/png"))["sha256"]
    path = f"/v1/line-items/{agency.line_item}/creatives"
    for wrong in ({"kind": "video"}, {"width": 33}, {"height": 1}):
        answer = await agency.advertiser.post(path, json={"asset": sha256, "click_url": CLICK, **wrong})
        assert refusal(answer) == (422, "asset_contradicts")


async def test_create__sound_on_another_host__needs_no_size(agency: Agency) -> None:
    sound = {"kind": "audio", "asset_url": "https://assets.example/a.mp3", "asset_sha256": "ab" * 32}
    assert (await agency.creative(**sound))["width"] == 0


async def test_create__same_idempotency_key__creates_once(agency: Agency) -> None:
    path, key = f"/v1/line-items/{agency.line_item}/creatives", {"Idempotency-Key": "one"}
    one, other = [await done(agency.advertiser, path, ELSEWHERE, **key) for _ in range(2)]
    assert one == other
    changed = await agency.advertiser.post(path, json=ELSEWHERE | {"alt_text": "x"}, headers=key)
    assert refusal(changed) == (409, "idempotency_key_reused")


async def test_creatives__of_others__do_not_exist(agency: Agency, app: FastAPI, sign_in: SignIn) -> None:
    stranger = await sign_in(app, "stranger")
    creative = await agency.creative()
    path = f"/v1/creatives/{creative['id']}"
    for answer in (
        await stranger.get(path), await stranger.get(path + "/versions"),
        await stranger.post(path + "/versions", json={"alt_text": "x"}), await stranger.post(path + "/withdraw"),
        await stranger.post(path + "/appeal", json={"text": "please"}), await stranger.get("/v1/creatives/999999999"),
    ):
        assert refusal(answer) == (404, "creative_unknown")
    lent = {"asset": creative["asset_sha256"], "click_url": CLICK}
    theirs = await stranger.post(f"/v1/line-items/{agency.line_item}/creatives", json=lent)
    assert refusal(theirs) == (404, "line_item_unknown")
    assert await agency.read(creative["id"]) == creative


async def test_moderation__without_the_role__is_not_permitted(agency: Agency) -> None:
    creative = (await agency.creative())["id"]
    for answer in (
        await agency.advertiser.get("/v1/moderation/creatives"), await agency.advertiser.get("/v1/moderation/appeals"),
        await agency.advertiser.get(f"/v1/moderation/creatives/{creative}"),
        await agency.advertiser.get(f"/v1/moderation/creatives/{creative}/content"),
        await agency.advertiser.post(f"/v1/moderation/creatives/{creative}/approve"),
        await agency.advertiser.post(f"/v1/moderation/appeals/{creative}", json={"granted": True}),
    ):
        assert refusal(answer) == (403, "not_permitted")


# --- versions ---------------------------------------------------------------------------------------------------


async def test_version__of_an_approved_one__is_shown_after_its_own_approval(agency: Agency, engine: Engine) -> None:
    first = await agency.creative()
    assert served(engine) == []
    await agency.decide(first["id"], "approve")
    assert served(engine) == [first["id"]]
    second = await agency.version(first["id"], click_url=CLICK + "?second")
    assert (second["version"], second["lineage_id"], second["status"]) == (2, first["id"], "pending")
    assert second["asset_sha256"] == first["asset_sha256"]
    assert served(engine) == [first["id"]]
    await agency.decide(second["id"], "approve")
    assert served(engine) == [second["id"]]
    versions = (await agency.advertiser.get(f"/v1/creatives/{second['id']}/versions")).json()["items"]
    assert [(one["version"], one["status"]) for one in versions] == [(1, "replaced"), (2, "approved")]


async def test_version__of_a_pending_one__takes_its_place_in_the_queue(agency: Agency) -> None:
    first = await agency.creative()
    second = await agency.version(first["id"], alt_text="clearer")
    assert (await agency.read(first["id"]))["status"] == "replaced"
    waiting = (await agency.moderator.get("/v1/moderation/creatives")).json()["items"]
    assert [one["id"] for one in waiting] == [second["id"]]


async def test_version__of_an_old_or_final_one__is_refused(agency: Agency) -> None:
    first = await agency.creative()
    second = await agency.version(first["id"], alt_text="second")
    path = "/v1/creatives/{}/versions"
    old = await agency.advertiser.post(path.format(first["id"]), json={"alt_text": "x"})
    assert refusal(old) == (409, "creative_not_latest")
    same = await agency.advertiser.post(path.format(second["id"]), json={"alt_text": "second"})
    assert refusal(same) == (422, "nothing_changed")
    sized = await agency.advertiser.post(path.format(second["id"]), json={"width": 5})
    assert refusal(sized) == (422, "asset_contradicts")
    await done(agency.advertiser, f"/v1/creatives/{second['id']}/withdraw")
    final = await agency.advertiser.post(path.format(second["id"]), json={"alt_text": "x"})
    assert refusal(final) == (409, "creative_final")


async def test_version__many_at_once__are_a_chain_without_gaps(agency: Agency) -> None:
    first = await agency.creative()
    path = f"/v1/creatives/{first['id']}/versions"
    answers = await asyncio.gather(*(
        agency.advertiser.post(path, json={"alt_text": str(n)}) for n in range(5)
    ))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_version__beyond_the_limit__is_refused(agency: Agency, engine: Engine) -> None:
    creative = (await agency.creative())["id"]
    with engine.begin() as connection:
        connection.execute(text("update creative set version = :n, lineage_id = id where id = :id"),
                           {"n": VERSIONS_MAX, "id": creative})
    answer = await agency.advertiser.post(f"/v1/creatives/{creative}/versions", json={"alt_text": "x"})
    assert answer.status_code == 409


async def test_withdraw__all_versions__are_shown_no_more(agency: Agency, engine: Engine) -> None:
    first = await agency.creative()
    await agency.decide(first["id"], "approve")
    second = await agency.version(first["id"], alt_text="second")
    withdrawn = await done(agency.advertiser, f"/v1/creatives/{second['id']}/withdraw")
    assert withdrawn["status"] == "withdrawn"
    assert served(engine) == []
    assert (await agency.moderator.get("/v1/moderation/creatives")).json()["items"] == []
    again = await agency.advertiser.post(f"/v1/creatives/{second['id']}/withdraw")
    assert refusal(again) == (409, "creative_final")


# --- queue and claims -------------------------------------------------------------------------------------------


async def test_queue__oldest_first__page_by_page(agency: Agency) -> None:
    ids = [(await agency.creative(**ELSEWHERE))["id"] for _ in range(3)]
    first = (await agency.moderator.get("/v1/moderation/creatives?limit=2")).json()
    rest = (await agency.moderator.get(f"/v1/moderation/creatives?limit=2&after={first['next_after']}")).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == ids
    assert first["items"][0]["campaign_name"] == "Autumn"


async def test_queue__preview__shows_moderators_what_nobody_else_sees(agency: Agency) -> None:
    creative = await agency.creative()
    path = f"/v1/moderation/creatives/{creative['id']}"
    content = await agency.moderator.get(path + "/content")
    assert (content.status_code, content.headers["content-type"]) == (200, "image/png")
    assert content.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert (await agency.moderator.get(path + "/thumbnail")).status_code == 200
    elsewhere = (await agency.creative(**ELSEWHERE))["id"]
    missing = await agency.moderator.get(f"/v1/moderation/creatives/{elsewhere}/content")
    assert refusal(missing) == (404, "asset_unknown")
    assert refusal(await agency.moderator.get("/v1/moderation/creatives/999999999")) == (404, "creative_unknown")


async def test_claim__by_one__keeps_others_away_until_it_ends(agency: Agency, clock: Any, wallet: Any) -> None:
    creative = (await agency.creative())["id"]
    path = f"/v1/moderation/creatives/{creative}"
    claimed = await agency.decide(creative, "claim")
    assert claimed["claimed_by"] == wallet("moderator").address
    for action in ("claim", "release", "approve"):
        answer = await agency.other_moderator.post(f"{path}/{action}")
        assert refusal(answer) == (409, "creative_claimed")
    clock.advance(CLAIM_MINUTES * 60 - 1)
    assert refusal(await agency.other_moderator.post(path + "/claim")) == (409, "creative_claimed")
    clock.advance(1)
    assert (await agency.other_moderator.post(path + "/claim")).status_code == 200
    assert refusal(await agency.moderator.post(path + "/approve")) == (409, "creative_claimed")
    assert (await agency.other_moderator.post(path + "/release")).json()["claimed_by"] is None
    assert (await agency.decide(creative, "approve"))["status"] == "approved"


async def test_claim__two_at_once__one_gets_it(agency: Agency) -> None:
    creative = (await agency.creative())["id"]
    path = f"/v1/moderation/creatives/{creative}/claim"
    answers = await asyncio.gather(agency.moderator.post(path), agency.other_moderator.post(path))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_claim__nothing_to_decide__is_refused(agency: Agency) -> None:
    creative = (await agency.creative())["id"]
    await agency.decide(creative, "approve")
    answer = await agency.moderator.post(f"/v1/moderation/creatives/{creative}/claim")
    assert refusal(answer) == (409, "creative_not_waiting")


# --- decisions --------------------------------------------------------------------------------------------------


async def test_reject__with_reasons__is_told_to_the_owner(agency: Agency, engine: Engine) -> None:
    creative = (await agency.creative())["id"]
    rejected = await agency.rejected(creative)
    assert (rejected["status"], rejected["reasons"]) == ("rejected", ["misleading"])
    seen = await agency.read(creative)
    assert (seen["status"], seen["reasons"], seen["note"]) == ("rejected", ["misleading"], "The button is none.")
    assert "decided_by" not in seen
    ((kind, content),) = notices(engine)
    assert kind == "creative.rejected"
    assert (content["creative"], content["reasons"]) == (creative, ["misleading"])
    assert served(engine) == []


async def test_decision__is_written_into_history_and_audit_trail(agency: Agency, engine: Engine, wallet: Any) -> None:
    creative = (await agency.creative())["id"]
    await agency.decide(creative, "approve")
    await agency.decide(creative, "take-down", {"reasons": ["rights", "other"], "note": "A court said so."})
    file = (await agency.moderator.get(f"/v1/moderation/creatives/{creative}")).json()
    assert [entry["action"] for entry in file["history"]] == ["approved", "taken_down"]
    assert file["history"][1]["moderator"] == wallet("moderator").address
    assert file["creative"]["reasons"] == ["rights", "other"]
    with engine.begin() as connection:
        acts = connection.execute(
            text("select action from audit_entry where subject = :subject order by id"),
            {"subject": f"creative:{creative}"},
        ).scalars().all()
    assert acts == ["creative.create", "creative.approve", "creative.take_down"]
    assert [kind for kind, _ in notices(engine)] == ["creative.approved", "creative.taken_down"]
    assert served(engine) == []


NO_REASONS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"reasons": []}, "invalid_request"), ({"reasons": ["ugly"]}, "invalid_request"), ({}, "invalid_request"),
    ({"reasons": ["other"]}, "reason_missing"), ({"reasons": ["adult", "adult"]}, "reason_missing"),
    ({"reasons": ["adult"], "note": ""}, "invalid_request"),
)


async def test_reject__without_a_reason__is_refused(agency: Agency) -> None:
    creative = (await agency.creative())["id"]
    for body, code in NO_REASONS:
        answer = await agency.moderator.post(f"/v1/moderation/creatives/{creative}/reject", json=body)
        assert refusal(answer) == (422, code)
    assert (await agency.read(creative))["status"] == "pending"


async def test_decision__second_or_out_of_turn__is_refused(agency: Agency, engine: Engine) -> None:
    creative = (await agency.creative())["id"]
    path = f"/v1/moderation/creatives/{creative}"
    reasons = {"reasons": ["adult"]}
    early = await agency.moderator.post(path + "/take-down", json=reasons)
    assert refusal(early) == (409, "creative_not_approved")
    await agency.decide(creative, "approve")
    assert refusal(await agency.moderator.post(path + "/approve")) == (409, "creative_not_pending")
    late = await agency.moderator.post(path + "/reject", json=reasons)
    assert refusal(late) == (409, "creative_not_pending")
    none = await agency.other_moderator.post(f"/v1/moderation/appeals/{creative}", json={"granted": True})
    assert refusal(none) == (409, "appeal_not_open")
    assert len(notices(engine)) == 1


async def test_decision__two_at_once__one_counts(agency: Agency, engine: Engine) -> None:
    creative = (await agency.creative())["id"]
    path = f"/v1/moderation/creatives/{creative}"
    answers = await asyncio.gather(
        agency.moderator.post(path + "/approve"),
        agency.other_moderator.post(path + "/reject", json={"reasons": ["adult"]}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(notices(engine)) == 1


async def test_decision__about_ones_own__is_refused(agency: Agency, engine: Engine, wallet: Any) -> None:
    creative = (await agency.creative())["id"]
    with engine.begin() as connection:
        names = {"account": wallet("advertiser").address, "wallet": wallet("moderator").address}
        connection.execute(
            text("insert into organisation (wallet, name, advertiser, publisher) values (:account, 'S', true, false)"),
            names,
        )
        connection.execute(
            text("insert into member (account, wallet, role) values (:account, :wallet, 'reporter')"), names
        )
        connection.execute(
            text("insert into platform_role (wallet, role, granted_by) values (:account, 'moderator', :account)"), names
        )
    for client in (agency.moderator, agency.advertiser):
        answer = await client.post(f"/v1/moderation/creatives/{creative}/approve")
        assert refusal(answer) == (403, "own_creative")
    assert served(engine) == []


# --- appeals ----------------------------------------------------------------------------------------------------


async def test_appeal__granted_by_another__shows_the_creative(agency: Agency, engine: Engine) -> None:
    first = await agency.creative()
    await agency.decide(first["id"], "approve")
    second = (await agency.version(first["id"], alt_text="second"))["id"]
    await agency.rejected(second)
    assert served(engine) == [first["id"]]
    appeal = {"text": "The button is the shop's logo."}
    opened = await done(agency.advertiser, f"/v1/creatives/{second}/appeal", appeal)
    assert (opened["status"], opened["appeal"]) == ("rejected", "open")
    waiting = (await agency.other_moderator.get("/v1/moderation/appeals")).json()["items"]
    assert [(one["id"], one["appeal_text"]) for one in waiting] == [(second, appeal["text"])]
    same = await agency.moderator.post(f"/v1/moderation/appeals/{second}", json={"granted": False})
    assert refusal(same) == (403, "appeal_needs_another")
    granted = await done(agency.other_moderator, f"/v1/moderation/appeals/{second}", {"granted": True})
    assert (granted["status"], granted["appeal"], granted["reasons"]) == ("approved", "granted", [])
    assert served(engine) == [second]
    assert [kind for kind, _ in notices(engine)][-1] == "creative.appeal_granted"
    assert (await agency.moderator.get("/v1/moderation/appeals")).json()["items"] == []


async def test_appeal__denied__is_final_for_this_version(agency: Agency, engine: Engine) -> None:
    creative = (await agency.creative())["id"]
    await agency.rejected(creative)
    path = f"/v1/creatives/{creative}/appeal"
    await done(agency.advertiser, path, {"text": "Please look again."})
    again = await agency.advertiser.post(path, json={"text": "And again."})
    assert refusal(again) == (409, "appeal_used")
    change = await agency.advertiser.post(f"/v1/creatives/{creative}/versions", json={"alt_text": "x"})
    assert refusal(change) == (409, "appeal_open")
    denied = await done(
        agency.other_moderator, f"/v1/moderation/appeals/{creative}", {"granted": False, "note": "It is a button."}
    )
    assert (denied["status"], denied["appeal"], denied["note"]) == ("rejected", "denied", "It is a button.")
    assert refusal(await agency.advertiser.post(path, json={"text": "x"})) == (409, "appeal_used")
    assert (await agency.version(creative, alt_text="x"))["version"] == 2
    assert [kind for kind, _ in notices(engine)][-1] == "creative.appeal_denied"


async def test_appeal__against_a_takedown__brings_it_back(agency: Agency, engine: Engine) -> None:
    creative = (await agency.creative())["id"]
    await agency.decide(creative, "approve")
    await agency.decide(creative, "take-down", {"reasons": ["rights"]})
    await done(agency.advertiser, f"/v1/creatives/{creative}/appeal", {"text": "Here is the licence."})
    assert served(engine) == []
    await done(agency.other_moderator, f"/v1/moderation/appeals/{creative}", {"granted": True})
    assert served(engine) == [creative]


async def test_appeal__of_what_was_not_refused__is_refused(agency: Agency) -> None:
    creative = (await agency.creative())["id"]
    path = f"/v1/creatives/{creative}/appeal"
    assert refusal(await agency.advertiser.post(path, json={"text": "x"})) == (409, "creative_not_rejected")
    assert refusal(await agency.advertiser.post(path, json={"text": "  "})) == (422, "invalid_request")
    await agency.rejected(creative)
    await agency.version(creative, alt_text="second")
    assert refusal(await agency.advertiser.post(path, json={"text": "x"})) == (409, "creative_not_latest")


# --- publishers -------------------------------------------------------------------------------------------------


async def test_offered__to_a_publisher__is_what_may_be_shown_or_was(
    agency: Agency, app: FastAPI, sign_in: SignIn, engine: Engine
) -> None:
    publisher = await sign_in(app, "publisher")
    assert (await publisher.get("/v1/publisher/creatives")).json() == {"items": [], "next_after": None}
    world = await done(publisher, "/v1/worlds", {
        "name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/",
    })
    placement = await done(publisher, f"/v1/worlds/{world['id']}/placements", {
        "name": "Gate", "kind": "image", "width": 1_024, "height": 512, "floor_micro_usdc": 0,
    })
    image = await agency.creative()
    sound = await agency.creative(asset=(await uploaded(agency.advertiser, "audio/wav"))["sha256"])
    await agency.decide(sound["id"], "approve")
    assert (await publisher.get("/v1/publisher/creatives")).json()["items"] == []
    await agency.decide(image["id"], "approve")
    (found,) = (await publisher.get("/v1/publisher/creatives")).json()["items"]
    assert (found["id"], found["shown"], found["category"]) == (image["id"], False, "games")
    assert found["thumbnail_url"] == image["asset_url"] + "/thumbnail"
    with engine.begin() as connection:
        connection.execute(
            text("insert into serving_tally (minute, placement_id, line_item_id, outcome, n) "
                 "values (now(), :placement, :item, 'decision', 3)"),
            {"placement": placement["id"], "item": agency.line_item},
        )
    await agency.decide(image["id"], "take-down", {"reasons": ["adult"]})
    (found,) = (await publisher.get("/v1/publisher/creatives")).json()["items"]
    assert (found["status"], found["shown"]) == ("taken_down", True)


async def test_creatives__signed_out__need_a_session(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        for path in ("/v1/creatives/1", "/v1/creatives/1/versions", "/v1/publisher/creatives", "/v1/assets",
                     "/v1/moderation/creatives", "/v1/moderation/appeals"):
            assert refusal(await client.get(path)) == (401, "not_signed_in")
        for path in ("/v1/creatives/1/withdraw", "/v1/moderation/creatives/1/claim"):
            assert refusal(await client.post(path)) == (401, "not_signed_in")
