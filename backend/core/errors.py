"""Everything that can go wrong for a caller, in one tree. `code` is stable and documented; api/problems.py renders it.

    SightlineError
    ├── BadRequest 400      malformed or contradictory input
    ├── NotSignedIn 401     no session, or an expired one
    ├── NotAllowed 403      signed in, but not the owner
    ├── NotFound 404        unknown id
    ├── Conflict 409        the state does not allow it (now)
    ├── TooLarge 413        body or batch over its limit
    ├── Unprocessable 422   well-formed, but breaks a rule
    ├── TooMany 429         rate or queue limit; retry later
    └── Unavailable 503     a store or the chain does not answer; nothing was changed
"""


class SightlineError(Exception):
    """Base of all answers that are not success. `detail` is for people, `code` for programs."""

    status = 500

    def __init__(self, code: str, detail: str, *, retry_after_seconds: int | None = None, **extra: object) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.extra = extra


class BadRequest(SightlineError):
    status = 400


class NotSignedIn(SightlineError):
    status = 401


class NotAllowed(SightlineError):
    status = 403


class NotFound(SightlineError):
    status = 404


class Conflict(SightlineError):
    status = 409


class TooLarge(SightlineError):
    status = 413


class Unprocessable(SightlineError):
    status = 422


class TooMany(SightlineError):
    status = 429


class Unavailable(SightlineError):
    status = 503
