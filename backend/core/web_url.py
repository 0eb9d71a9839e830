"""Addresses that we hand to other people's browsers: https, or http on this machine; nothing hidden in them."""

from urllib.parse import urlsplit

from backend.core.errors import Unprocessable

URL_CHARACTERS_MAX = 2_048
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_UNSAFE = frozenset(" \"'<>\\^`{|}")


def web_url(text: str, field: str) -> str:
    """`text` itself when a browser may open it. Raises Unprocessable `url_not_allowed` naming `field`.

    Refused: other schemes than https (http only for loopback hosts), user names or passwords, characters outside
    printable ASCII (RFC 3986 §2: encode them), and more than 2,048 characters.
    """
    problem = _problem(text)
    if problem:
        raise Unprocessable("url_not_allowed", f"{field}: {problem}", field=field)
    return text


def _problem(text: str) -> str | None:
    if len(text) > URL_CHARACTERS_MAX:
        return f"longer than {URL_CHARACTERS_MAX} characters"
    if not (text.isascii() and text.isprintable()) or _UNSAFE & set(text):
        return "has characters that must be percent-encoded"
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port        # a port out of range raises only when it is read
    except ValueError:
        return "is not a URL"
    if not host:
        return "names no host"
    if parts.username is not None or parts.password is not None:
        return "carries a user name or password"
    if parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        return None
    return "must start with https://"
