"""Whatever bytes strangers send, a parser of ours refuses with a reason or reads it: it never fails (L45)."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.decision_token import DecisionToken, sign
from backend.core.events import BidKind
from scripts.testing.parsers import KEY, PARSERS

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 3                     # `make fuzz` takes minutes for each
A_TOKEN = DecisionToken(b"\1" * 16, 31_337, 1, 2, 3, 4, 5, 1_000, BidKind.VCPM, 1_793_000_000_000, b"\2" * 8)
# reported when scripts/testing/parsers.py says, it is good
SEEDS = (
    sign(A_TOKEN, KEY).encode(),
    b"ads.example wants you to sign in with your Ethereum account:\n0x" + b"a1" * 20 + b"\n\nSign in.\n\n"
    b"URI: https://ads.example\nVersion: 1\nChain ID: 31337\nNonce: 1f0c9a52d5e84c0b\nIssued At: 2026-11-02T10:00:00Z",
    b't=1793613600,v1=00\n{"id": "evt_1", "type": "charge.refunded", "created": 1, "data": {"object": {}}}',
    b"glTF\x02\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00JSON", b"\x00\x89PNG\r\n\x1a\n", b"CPtest.YAAAAAAAAAAA",
    b'{"chain_id":31337}',
    b'{"placement_id": 1, "viewer_key": "bG9uZ2VyIHRoYW4gOA", "country": "DE", "privacy": {"gpc": true}}',
    b'{"events": [{"kind": "viewable", "token": "%s", "samples": [[0,9800,420,1250,true,true],'
    b'[250,9800,420,1253,true,true],[500,9800,420,1255,true,true],[750,9800,420,1251,true,true],'
    b'[1000,9800,420,1250,true,true]]}]}' % sign(A_TOKEN, KEY).encode(),
    b'{"id": "1", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}, "bidfloor": "0.5"}], "app": {"id": "7"}}',
)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.one_of(st.binary(max_size=400), st.sampled_from(SEEDS), st.builds(
    lambda seed, place, byte: seed[: place % len(seed)] + byte + seed[place % len(seed) + 1 :],
    st.sampled_from(SEEDS), st.integers(0, 1_000), st.binary(max_size=3),
)))
def test_parser__any_bytes__never_fails(name: str, data: bytes) -> None:
    PARSERS[name](data)


@pytest.mark.skipif(sys.version_info >= (3, 12) or sys.platform != "linux", reason="atheris has no build for it")
def test_parsers__inputs_that_look_for_branches__never_fail(tmp_path: Path) -> None:
    for number, seed in enumerate(SEEDS):
        (tmp_path / f"seed-{number}").write_bytes(bytes([number]) + seed)
    command = [sys.executable, "-m", "scripts.testing.fuzz_parser", "any", f"-max_total_time={SECONDS}", "-seed=1",
               f"-artifact_prefix={tmp_path}/", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-4_000:]
    assert "DONE" in done.stderr
