"""Real servers on this machine: PostgreSQL, Redis and a chain as child processes that cannot outlive us."""

from backend.local.child import Child, spawn_child, wait_until
from backend.local.errors import LocalStackError, ServerDied
from backend.local.guard import Guard
from backend.local.lock import StackAlreadyRunning, StackInfo, running_stack
from backend.local.programs import find_browser
from backend.local.rpc import fund, rpc
from backend.local.stack import Stack, remove_data, start_stack

__all__ = [
    "Child",
    "Guard",
    "LocalStackError",
    "ServerDied",
    "Stack",
    "StackAlreadyRunning",
    "StackInfo",
    "find_browser",
    "fund",
    "remove_data",
    "rpc",
    "running_stack",
    "spawn_child",
    "start_stack",
    "wait_until",
]
