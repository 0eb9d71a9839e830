from collections.abc import Sequence

VERSION: int

def bind(view: type, sample: type) -> None: ...
def judge_body(
    body: bytes, key: bytes, network_mark: bytes, *numbers: int
) -> tuple[bytes, int, bytes, tuple[tuple[int, int, bytes], ...]] | None: ...
def judge_views(
    reports: Sequence[object], key: bytes, network_mark: bytes, *numbers: int
) -> list[tuple[bytes, bytes, int, bytes] | None]: ...
