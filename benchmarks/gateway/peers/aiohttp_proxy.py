"""aiohttp as server and client; runs under gunicorn's uvloop worker."""

import os
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from hop_by_hop import end_to_end
from yarl import URL

UPSTREAM = os.environ["UPSTREAM"]
CLIENT = web.AppKey("client", aiohttp.ClientSession)
# Larger answers are streamed; below this size one piece is cheaper.
WHOLE_BYTES = 65536


async def client(app: web.Application) -> AsyncIterator[None]:
    """Keep the client while the process lives."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        app[CLIENT] = session
        yield


async def proxy(request: web.Request) -> web.StreamResponse:
    """Pass the request on and its answer back."""
    async with request.app[CLIENT].request(
        request.method,
        URL(UPSTREAM + request.raw_path, encoded=True),
        headers=end_to_end(request.headers.items()),
        data=request.content if request.can_read_body else None,
        allow_redirects=False,
    ) as answer:
        fields = end_to_end(answer.headers.items())
        if (answer.content_length or WHOLE_BYTES + 1) <= WHOLE_BYTES:
            body = await answer.read()
            return web.Response(body=body, status=answer.status, headers=dict(fields))
        response = web.StreamResponse(status=answer.status, headers=dict(fields))
        await response.prepare(request)
        async for block in answer.content.iter_any():
            await response.write(block)
        return response


async def create_app() -> web.Application:
    """Return the application."""
    app = web.Application()
    app.cleanup_ctx.append(client)
    app.router.add_route("*", "/{path:.*}", proxy)
    return app
