"""Uploads over HTTP, and what anybody gets of them: the approved bytes (L55) while they are approved (L56).

POST /v1/assets
├── each kind                           → an asset, named by the bytes that will be served
├── the same again                      → the same asset
├── nothing that can be shown, too much → a refusal; no row, no file (L45)
└── somebody else's                     → does not exist (L46)
GET /a/{sha256}
├── approved                            → the bytes, cacheable for ever, by ranges, without any cookie
├── pending, rejected, taken down       → 404
└── replaced by a newer version         → still there, for decisions that are under way
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from creatives_kit import Agency, SignIn, open_agency, refusal, upload, uploaded
from fastapi import FastAPI
from media_kit import SAMPLES, bomb, model, picture
from sqlalchemy import Engine, text

from backend.api.limits import BODY_BYTES_MAX, BODY_BYTES_MAX_BY_PATH
from backend.creatives.assets.service import ORPHAN_SECONDS, UNUSED_DAYS, AssetService
from backend.creatives.files.store import AssetFolder
from backend.creatives.media.inspection import UPLOAD_BYTES_MAX
from backend.jobs.assets import AssetsJob

pytestmark = pytest.mark.usefixtures("accounts_app")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this module's app keeps assets."""
    return tmp_path_factory.mktemp("assets")


@pytest.fixture
def app(keep_app: Callable[..., FastAPI], folder: Path) -> FastAPI:
    return keep_app(auto_approve=False, data_dir=folder, asset_url="https://cdn.example")


@pytest.fixture
async def agency(app: FastAPI, engine: Engine, sign_in: SignIn, wallet: Any) -> Agency:
    return await open_agency(app, engine, sign_in, wallet)


@pytest.fixture
async def anybody(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000")


def assets(engine: Engine) -> int:
    with engine.begin() as connection:
        return int(connection.execute(text("select count(*) from asset")).scalar_one())


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "assets").rglob("*") if path.is_file()}


# --- uploads ----------------------------------------------------------------------------------------------------


async def test_upload__each_kind__is_named_by_what_is_served(agency: Agency) -> None:
    for declared in SAMPLES:
        asset = await uploaded(agency.advertiser, declared)
        content = await agency.advertiser.get(f"/v1/assets/{asset['sha256']}/content")
        assert content.status_code == 200
        assert content.headers["content-type"] == asset["media_type"]
        assert content.headers["cache-control"] == "private, no-store"
        assert hashlib.sha256(content.content).hexdigest() == asset["sha256"]
        assert len(content.content) == asset["bytes"]
        picture_of_it = await agency.advertiser.get(f"/v1/assets/{asset['sha256']}/thumbnail")
        assert picture_of_it.headers["content-type"] == "image/webp"
        assert (await agency.advertiser.get(f"/v1/assets/{asset['sha256']}")).json() == asset


async def test_upload__same_file_again__is_the_same_asset(agency: Agency, engine: Engine) -> None:
    one, other = [await uploaded(agency.advertiser, "image/jpeg") for _ in range(2)]
    assert one == other
    assert assets(engine) == 1
    strangers = await uploaded(agency.moderator, "image/jpeg")
    assert strangers["sha256"] == one["sha256"]
    assert strangers["id"] != one["id"]


async def test_upload__listed__page_by_page(agency: Agency) -> None:
    kinds = ("image/png", "audio/wav", "model/gltf-binary")
    ids = [(await uploaded(agency.advertiser, declared))["id"] for declared in kinds]
    first = (await agency.advertiser.get("/v1/assets?limit=2")).json()
    rest = (await agency.advertiser.get(f"/v1/assets?limit=2&after={first['next_after']}")).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == ids
    assert rest["next_after"] is None


REFUSED = (
    ("image/png", bomb(), "asset_over_budget"), ("image/png", picture() + b"<script>", "asset_trailing_data"),
    ("image/svg+xml", b"<svg/>", "asset_svg_refused"), ("text/html", b"<html>", "asset_html_refused"),
    ("image/png", b"", "asset_damaged"), ("application/json", b"{}", "asset_type_unknown"),
    ("image/jpeg", picture(), "asset_type_mismatch"), ("", picture(), "asset_type_unknown"),
    ("model/gltf-binary", model(extensionsUsed=["KHR_draco_mesh_compression"]), "model_extension_refused"),
    ("model/gltf-binary", model(extras={"uri": "https://evil.example/"}), "model_external_uri"),
    ("model/gltf+json", b'{"asset": {}}', "model_not_binary"),
)


async def test_upload__nothing_that_can_be_shown__is_refused_and_kept_nowhere(
    agency: Agency, engine: Engine, folder: Path
) -> None:
    before = files(folder)
    for declared, content, code in REFUSED:
        assert refusal(await upload(agency.advertiser, declared, content)) == (422, code)
    assert (assets(engine), files(folder)) == (0, before)


async def test_upload__larger_than_the_limit__is_refused(agency: Agency, engine: Engine) -> None:
    assert BODY_BYTES_MAX_BY_PATH["/v1/assets"] == UPLOAD_BYTES_MAX
    too_much = bytes(UPLOAD_BYTES_MAX + 1)
    assert refusal(await upload(agency.advertiser, "video/mp4", too_much)) == (413, "body_too_large")

    async def streamed() -> Any:
        for at in range(0, len(too_much), 2**20):
            yield too_much[at : at + 2**20]

    answer = await agency.advertiser.post(
        "/v1/assets", content=streamed(), headers={"Content-Type": "video/mp4"}
    )
    assert refusal(answer) == (413, "body_too_large")
    assert assets(engine) == 0


async def test_upload__of_a_megabyte__passes_where_other_bodies_do_not(agency: Agency) -> None:
    padded = picture("JPEG", comment=b"x" * 60_000)
    content = padded[:2] + padded[padded.index(b"\xff\xfe") :][: 4 + 60_000] * 10 + padded[2:]
    assert len(content) > BODY_BYTES_MAX
    await uploaded(agency.advertiser, "image/jpeg", content)
    answer = await agency.advertiser.post("/v1/campaigns", content=content)
    assert refusal(answer) == (413, "body_too_large")


async def test_upload__more_than_an_account_keeps__is_refused(
    agency: Agency, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.creatives.assets.asset.ACCOUNT_ASSETS_MAX", 1)
    await uploaded(agency.advertiser, "image/png")
    assert refusal(await upload(agency.advertiser, "audio/wav")) == (409, "asset_quota")
    await uploaded(agency.advertiser, "image/png")


async def test_upload__signed_out_or_somebody_elses__is_refused(agency: Agency, anybody: httpx.AsyncClient) -> None:
    assert refusal(await upload(anybody, "image/png")) == (401, "not_signed_in")
    sha256 = (await uploaded(agency.advertiser, "image/png"))["sha256"]
    for path in ("", "/content", "/thumbnail"):
        assert refusal(await agency.moderator.get(f"/v1/assets/{sha256}{path}")) == (404, "asset_unknown")
        assert refusal(await anybody.get(f"/v1/assets/{sha256}{path}")) == (401, "not_signed_in")
    assert refusal(await agency.advertiser.get("/v1/assets/" + "0" * 64)) == (404, "asset_unknown")
    assert refusal(await agency.advertiser.get("/v1/assets/..%2f..%2fetc")) in (
        (404, "not_found"), (422, "invalid_request")
    )


# --- what anybody gets ------------------------------------------------------------------------------------------


async def test_public__life_of_a_creative__is_seen_while_it_is_approved(
    agency: Agency, anybody: httpx.AsyncClient
) -> None:
    creative = await agency.creative()
    path = f"/a/{creative['asset_sha256']}"
    assert creative["asset_url"] == "https://cdn.example" + path
    assert refusal(await anybody.get(path)) == (404, "asset_unknown")
    assert refusal(await anybody.get(path + "/thumbnail")) == (404, "asset_unknown")
    await agency.decide(creative["id"], "approve")
    shown = await anybody.get(path)
    assert hashlib.sha256(shown.content).hexdigest() == creative["asset_sha256"]
    assert (await anybody.get(path + "/thumbnail")).content.startswith(b"RIFF")
    await agency.decide(creative["id"], "take-down", {"reasons": ["rights"]})
    for tried in (path, path + "/thumbnail"):
        assert refusal(await anybody.get(tried)) == (404, "asset_unknown")
    known = {"If-None-Match": f'"{creative["asset_sha256"]}"'}
    assert refusal(await anybody.get(path, headers=known)) == (404, "asset_unknown")


async def test_public__rejected_or_withdrawn__is_not_there(agency: Agency, anybody: httpx.AsyncClient) -> None:
    rejected = await agency.creative()
    await agency.rejected(rejected["id"])
    assert refusal(await anybody.get(f"/a/{rejected['asset_sha256']}")) == (404, "asset_unknown")
    withdrawn = await agency.creative(asset=(await uploaded(agency.advertiser, "image/jpeg"))["sha256"])
    await agency.decide(withdrawn["id"], "approve")
    assert (await anybody.get(f"/a/{withdrawn['asset_sha256']}")).status_code == 200
    await agency.advertiser.post(f"/v1/creatives/{withdrawn['id']}/withdraw")
    assert refusal(await anybody.get(f"/a/{withdrawn['asset_sha256']}")) == (404, "asset_unknown")


async def test_public__replaced__stays_unless_it_was_taken_down(agency: Agency, anybody: httpx.AsyncClient) -> None:
    first = await agency.creative()
    await agency.decide(first["id"], "approve")
    second = await agency.version(first["id"], asset=(await uploaded(agency.advertiser, "image/webp"))["sha256"])
    await agency.decide(second["id"], "approve")
    assert (await anybody.get(f"/a/{first['asset_sha256']}")).status_code == 200
    third = await agency.version(second["id"], asset=first["asset_sha256"])
    await agency.decide(third["id"], "approve")
    await agency.decide(third["id"], "take-down", {"reasons": ["adult"]})
    assert refusal(await anybody.get(f"/a/{first['asset_sha256']}")) == (404, "asset_unknown")


@pytest.fixture
async def film(agency: Agency) -> Any:
    """An approved film: its path and its bytes."""
    creative = await agency.creative(asset=(await uploaded(agency.advertiser, "video/mp4"))["sha256"])
    await agency.decide(creative["id"], "approve")
    return f"/a/{creative['asset_sha256']}", SAMPLES["video/mp4"]


async def test_public__headers__are_those_of_a_host_without_secrets(anybody: httpx.AsyncClient, film: Any) -> None:
    path, content = film
    anybody.cookies.set("__Host-session", "somebody's")
    for tried in (path, path + "/thumbnail"):
        headers = (await anybody.get(tried)).headers
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["access-control-allow-origin"] == "*"
        assert "set-cookie" not in headers
        assert "vary" not in headers
        head = await anybody.head(tried)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == headers["content-length"]
        again = await anybody.get(tried, headers={"If-None-Match": headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert (await anybody.get(path)).headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    preflight = await anybody.options(path)
    assert (preflight.status_code, preflight.headers["access-control-allow-headers"]) == (204, "range")


RANGES = (
    ("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=500-", 500, None), ("bytes=-5", -5, None),
    ("bytes=0-99999", 0, None), ("bytes=-99999", 0, None),
)
NOT_UNDERSTOOD = (
    {"Range": "lines=1-2"}, {"Range": "bytes=1-2,5-6"}, {"Range": "bytes=5-2"}, {"Range": "bytes=-"},
    {"Range": "bytes=0-4", "If-Range": '"another"'},
)


async def test_public__range__is_that_part(anybody: httpx.AsyncClient, film: Any) -> None:
    path, content = film
    for wanted, start, end in RANGES:
        answer = await anybody.get(path, headers={"Range": wanted})
        part = content[start:end]
        assert answer.content == part
        assert answer.headers["content-length"] == str(len(part))
        if len(part) < len(content):
            first = start % len(content)
            assert answer.status_code == 206
            assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(content)}"


async def test_public__range_outside__is_refused(anybody: httpx.AsyncClient, film: Any) -> None:
    for wanted in ("bytes=99999-", "bytes=-0"):
        answer = await anybody.get(film[0], headers={"Range": wanted})
        assert refusal(answer) == (416, "range_not_satisfiable")
        assert answer.headers["content-range"] == f"bytes */{len(film[1])}"


async def test_public__range_that_is_not_understood__gets_everything(anybody: httpx.AsyncClient, film: Any) -> None:
    for headers in NOT_UNDERSTOOD:
        answer = await anybody.get(film[0], headers=headers)
        assert (answer.status_code, answer.content) == (200, film[1])


# --- files ------------------------------------------------------------------------------------------------------


def test_files__written_twice__are_complete_and_named_by_their_hash(tmp_path: Path) -> None:
    store = AssetFolder(tmp_path)
    assert store.write(b"content", b"small") == store.write(b"content", b"small")
    sha256 = hashlib.sha256(b"content").hexdigest()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {sha256, f"{sha256}.thumbnail"}
    assert b"".join(store.chunks(sha256, 2, 5)) == b"nte"
    assert (store.size(sha256), store.thumbnail(sha256)) == (7, b"small")
    store.delete(sha256)
    store.delete(sha256)
    assert (store.size(sha256), store.thumbnail(sha256)) == (None, None)


@pytest.mark.parametrize("key", ["", "..", "/etc/passwd", "A" * 64, "../" + "a" * 61])
def test_files__key_that_is_no_hash__is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="hex digits"):
        AssetFolder(tmp_path).size(key)


async def test_sweep__unused_for_a_week__is_forgotten_and_what_is_used_is_not(
    agency: Agency, engine: Engine, folder: Path
) -> None:
    used = await agency.creative()
    unused = await uploaded(agency.advertiser, "audio/ogg")
    shared = await uploaded(agency.advertiser, "audio/wav")
    job = AssetsJob(AssetService(engine, AssetFolder(folder / "assets")))
    assert job.step() is False
    assert assets(engine) == 3
    with engine.begin() as connection:
        connection.execute(text(f"update asset set created_at = now() - interval '{UNUSED_DAYS} days 1 minute'"))
    await uploaded(agency.moderator, "audio/wav")
    assert job.step() is False
    assert assets(engine) == 2
    left = files(folder)
    assert unused["sha256"] not in left
    assert {used["asset_sha256"], shared["sha256"]} <= left
    await uploaded(agency.advertiser, "audio/ogg")
    assert unused["sha256"] in files(folder)


def test_sweep__bytes_that_no_upload_names__go_after_a_day(engine: Engine, tmp_path: Path) -> None:
    files = AssetFolder(tmp_path)
    sha256 = files.write(b"left behind", b"small")
    service = AssetService(engine, files)
    written = (tmp_path / sha256[:2] / sha256).stat().st_mtime
    assert service.sweep_orphans(sha256[:2], written + ORPHAN_SECONDS - 1) == 0
    assert service.sweep_orphans("zz", written + 2 * ORPHAN_SECONDS) == 0
    assert service.sweep_orphans(sha256[:2], written + ORPHAN_SECONDS + 1) == 1
    assert files.size(sha256) is None
