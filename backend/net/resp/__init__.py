"""Redis for the hot paths: what is asked in one turn of the event loop goes out in few writes, over one connection.

A call costs a tenth of redis-py's. Redis Cluster is out of scope: its redirections are answered as errors.
"""

from backend.net.resp.batching import Busy, Resp
from backend.net.resp.commands import Script, pack, part
from backend.net.resp.connection import Then

__all__ = ["Busy", "Resp", "Script", "Then", "pack", "part"]
