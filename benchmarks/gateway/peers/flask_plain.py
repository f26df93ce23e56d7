"""The gateway of the tutorials: Flask and `requests.request`, whole bodies, no pool."""

import os

import requests
from flask import Flask, Response, request
from hop_by_hop import end_to_end

UPSTREAM = os.environ["UPSTREAM"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
app = Flask(__name__)


@app.route("/api/<path:path>", methods=METHODS)
def proxy(path: str) -> Response:
    """Pass the request on and its answer back."""
    answer = requests.request(
        method=request.method,
        url=f"{UPSTREAM}/api/{path}",
        params=request.args,
        headers=dict(end_to_end(request.headers)),
        data=request.get_data(),
        allow_redirects=False,
        timeout=30,
    )
    # The body is decoded and whole, so its former length and coding are no longer true.
    fields = end_to_end(answer.raw.headers.items(), "content-encoding", "content-length")
    return Response(answer.content, answer.status_code, fields)
