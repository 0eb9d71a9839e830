"""A bidder of somebody else, on this machine: it checks each request by the specification, and answers as told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from openrtb_schema import BID_REQUEST, mistakes

Request = dict[str, Any]
Answer = Callable[[Request], tuple[int, bytes]]


def bidding(price: Any, **changes: Any) -> Answer:
    """One bid at this price for the first creative that it may show; changes are of the bid, `response` of its shell.
    """
    shell = changes.pop("response", {})

    def answer(request: Request) -> tuple[int, bytes]:
        (imp,) = request["imp"]
        bid = {"id": "b1", "impid": imp["id"], "price": price, "crid": imp["ext"]["crids"][0], **changes}
        return 200, json.dumps({
            "id": request["id"], "cur": "USD", "seatbid": [{"seat": request["wseat"][0], "bid": [bid]}], **shell,
        }).encode()

    return answer


@dataclass
class FakeBidder:
    """`wrong` is what the requests lacked by the specification; `silent`: it never answers; `headers`: that it adds."""

    answer: Answer
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    silent: bool = False
    headers: str = ""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/rtb?key=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.lower().split("\r\n")
                length = next(int(line.split(":")[1]) for line in lines if "content-length" in line)
                request = json.loads(await reader.readexactly(length))
                self.heads.append(head)
                self.requests.append(request)
                self.wrong += mistakes(request, BID_REQUEST)
                if self.silent:
                    await reader.read()         # until the other side gives up
                    return
                status, body = self.answer(request)
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{self.headers}\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def fake_bidder(answer: Answer) -> AsyncIterator[FakeBidder]:
    bidder = FakeBidder(answer)
    server = await asyncio.start_server(bidder.serve, "127.0.0.1", 0)
    bidder.port = server.sockets[0].getsockname()[1]
    try:
        yield bidder
    finally:
        server.close()
