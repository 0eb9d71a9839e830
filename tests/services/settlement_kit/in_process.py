"""An HTTP client that talks to an application in this process, without a socket, for code that is not async."""

import asyncio

import httpx
from fastapi import FastAPI


class InProcess(httpx.BaseTransport):
    """Hands each request to the application and waits for the whole answer."""

    def __init__(self, app: FastAPI) -> None:
        self._asgi = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answer() -> httpx.Response:
            given = await self._asgi.handle_async_request(request)
            return httpx.Response(given.status_code, headers=given.headers, content=await given.aread())

        return asyncio.run(answer())


def client_of(app: FastAPI) -> httpx.Client:
    return httpx.Client(transport=InProcess(app), base_url="http://settlements.test")
