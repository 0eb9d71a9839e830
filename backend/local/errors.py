"""What can go wrong while a local stack starts. Every message says what to do about it."""


class LocalStackError(Exception):
    """A local server could not be started or reached; the message contains the fix."""


class ServerDied(LocalStackError):
    """A server ended by itself; the message carries the end of its log."""
