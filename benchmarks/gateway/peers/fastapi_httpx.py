"""FastAPI with one `httpx.AsyncClient`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response
from hop_by_hop import end_to_end

UPSTREAM = os.environ["UPSTREAM"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep the client while the process lives."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    async with httpx.AsyncClient(limits=limits, timeout=30, trust_env=False) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.api_route("/api/{path:path}", methods=METHODS)
async def proxy(path: str, request: Request) -> Response:
    """Pass the request on and its answer back."""
    answer = await request.app.state.client.request(
        request.method,
        f"{UPSTREAM}/api/{path}",
        params=request.query_params,
        headers=end_to_end(request.headers.items()),
        content=await request.body(),
    )
    response = Response(answer.content, answer.status_code)
    for name, value in end_to_end(
        answer.headers.multi_items(), "content-encoding", "content-length"
    ):
        response.headers.append(name, value)
    return response
