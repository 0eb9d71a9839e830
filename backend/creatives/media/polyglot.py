"""What a file must not also be: a page, a script, an archive, a document.

Images are encoded anew, so what hides in them is gone. The bytes of other kinds are kept, and these checks are made
besides the rule that every byte belongs to a part that a player reads.
"""

import re

from backend.core.errors import Unprocessable
from backend.creatives.media.facts import trailing

HEAD_BYTES = 1_024
ZIP_TAIL_BYTES = 22 + 65_535            # end record and the longest comment
_SCRIPT = re.compile(rb"<script|<\?php\b|<!doctype\s+html|<iframe|javascript:", re.IGNORECASE)
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|svg|\?xml|!--|iframe|img|a\s)", re.IGNORECASE)
_SVG = re.compile(rb"<svg|<!doctype\s+svg", re.IGNORECASE)


def refuse_markup(data: bytes, declared: str) -> None:
    """Raises Unprocessable `asset_svg_refused` or `asset_html_refused` for pages, whatever they are declared as."""
    head = _text_head(data)
    if declared.startswith("image/svg") or (_looks_like_markup(head) and _SVG.search(head)):
        raise Unprocessable("asset_svg_refused", "SVG can carry scripts and is not taken; export it as PNG")
    if declared in ("text/html", "application/xhtml+xml") or _looks_like_markup(head):
        raise Unprocessable("asset_html_refused", "HTML is not taken; upload an image, a video, a sound or a model")


def refuse_second_face(data: bytes) -> None:
    """Raises Unprocessable `asset_trailing_data` when the file could be taken for a script, an archive or a PDF too."""
    if _SCRIPT.search(data):
        raise trailing("the file contains a script")
    if b"%PDF-" in data[:HEAD_BYTES] or b"%%EOF" in data[-HEAD_BYTES:]:
        raise trailing("the file is a PDF too")
    if _has_zip_end(data):
        raise trailing("the file is a ZIP archive too")


def _has_zip_end(data: bytes) -> bool:
    """Whether a ZIP reader would find its end record (APPNOTE 4.3.16): its comment ends where the file ends."""
    tail = data[-ZIP_TAIL_BYTES:]
    at = tail.find(b"PK\x05\x06")
    while at >= 0:
        comment = int.from_bytes(tail[at + 20 : at + 22], "little")
        if at + 22 + comment == len(tail):
            return True
        at = tail.find(b"PK\x05\x06", at + 1)
    return False


def _text_head(data: bytes) -> bytes:
    """The beginning without a byte order mark; UTF-16 becomes readable by leaving out its zeros."""
    head = data[: 4 * HEAD_BYTES]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head[2:].replace(b"\0", b"")
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\f\v\0")


def _looks_like_markup(head: bytes) -> bool:
    return head[:1] == b"<" and _MARKUP.search(head) is not None
