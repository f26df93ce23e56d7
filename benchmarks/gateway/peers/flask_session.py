"""A better Flask gateway: one `requests.Session` that keeps its connections, streamed answers."""

import os

import requests
from flask import Flask, Response, request
from hop_by_hop import end_to_end
from requests.adapters import HTTPAdapter

UPSTREAM = os.environ["UPSTREAM"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
app = Flask(__name__)
session = requests.Session()
session.trust_env = False
session.mount("http://", HTTPAdapter(pool_maxsize=256))


@app.route("/api/<path:path>", methods=METHODS)
def proxy(path: str) -> Response:
    """Pass the request on and its answer back."""
    answer = session.request(
        method=request.method,
        url=f"{UPSTREAM}/api/{path}",
        params=request.args,
        headers=dict(end_to_end(request.headers)),
        data=request.get_data(),
        allow_redirects=False,
        stream=True,
        timeout=30,
    )
    fields = end_to_end(answer.raw.headers.items())
    body = answer.raw.stream(65536, decode_content=False)
    return Response(body, answer.status_code, fields)
