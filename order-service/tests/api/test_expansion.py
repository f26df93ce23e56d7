"""`?expand=`: a real HTTP server in the place of other services, and a port where none listens."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest


@pytest.fixture
def closed_port() -> str:
    """The URL of a port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


class Upstream:
    """A small HTTP server that answers with `answers[path]`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, list[str]]], Any]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                upstream.requests.append((self.path, dict(self.headers)))
                answer = upstream.answers.get(url.path)
                data = answer(parse_qs(url.query)) if answer else None
                missing = {"success": False, "message": "Gone", "code": "x.gone", "errors": []}
                found = {"success": True, "message": "OK", "data": data, "meta": {}}
                body = json.dumps(found if answer else missing).encode()
                self.send_response(200 if answer else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A running HTTP server."""
    upstream = Upstream()
    thread = threading.Thread(target=upstream.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield upstream
    upstream.server.shutdown()
    thread.join()
    upstream.server.server_close()


def test_products_and_payment_are_joined(shop: Any, upstream: Upstream, use_settings: Any) -> None:
    use_settings(products_url=upstream.url, payments_url=upstream.url)
    order = shop.placed_and_paid(2, 1)
    payment = {"id": order["payment_id"], "status": "succeeded"}
    upstream.answers["/api/products"] = lambda query: [
        {"id": product_id, "images": []} for product_id in query["ids"][0].split(",")
    ]
    upstream.answers[f"/api/payments/{order['payment_id']}"] = lambda query: payment

    body = shop.get(f"/{order['id']}?expand=products,payment").get_json()

    assert [item["product"]["id"] for item in body["data"]["items"]] == [
        item["product_id"] for item in order["items"]
    ]
    assert body["data"]["payment"] == payment
    assert body["data"]["timeline"] != []
    assert body["meta"]["warnings"] == []


def test_the_callers_token_and_request_id_are_passed_on(
    shop: Any, upstream: Upstream, use_settings: Any
) -> None:
    use_settings(payments_url=upstream.url)
    order = shop.place(1)
    upstream.answers["/api/payments"] = lambda query: []

    response = shop.get(f"/{order['id']}?expand=payment")

    [(path, headers)] = upstream.requests
    assert response.get_json()["data"]["payment"] is None
    assert parse_qs(urlsplit(path).query)["order_id"] == [order["id"]]
    assert headers["Authorization"] == shop.headers["Authorization"]
    assert headers["X-Request-ID"] == response.headers["X-Request-ID"]


def test_an_unpaid_order_shows_its_newest_attempt(
    shop: Any, upstream: Upstream, use_settings: Any
) -> None:
    use_settings(payments_url=upstream.url)
    order = shop.placed_and_reserved()
    attempt = {"id": str(uuid4()), "status": "requires_action"}
    upstream.answers["/api/payments"] = lambda query: [attempt]

    body = shop.get(f"/{order['id']}?expand=payment").get_json()

    assert body["data"]["payment"] == attempt


def test_a_service_that_is_down_leaves_nulls_and_a_warning(
    shop: Any, upstream: Upstream, closed_port: str, use_settings: Any
) -> None:
    use_settings(products_url=upstream.url, payments_url=closed_port)
    order = shop.place(1)
    product = order["items"][0]["product_id"]
    upstream.answers["/api/products"] = lambda query: [{"id": product}]

    response = shop.get(f"/{order['id']}?expand=products,payment")

    body = response.get_json()
    assert response.status_code == 200
    assert body["data"]["items"][0]["product"] == {"id": product}
    assert body["data"]["payment"] is None
    [warning] = body["meta"]["warnings"]
    assert (warning["expand"], warning["code"]) == ("payment", "service_unavailable")


def test_with_everything_down_the_order_is_still_shown(
    shop: Any, closed_port: str, use_settings: Any
) -> None:
    use_settings(products_url=closed_port, payments_url=closed_port)
    order = shop.place(1)

    body = shop.get(f"/{order['id']}?expand=products,payment").get_json()

    assert body["data"]["id"] == order["id"]
    assert body["data"]["items"][0]["product"] is None
    assert sorted(warning["expand"] for warning in body["meta"]["warnings"]) == [
        "payment",
        "products",
    ]


def test_many_lines_are_asked_for_in_groups_of_a_hundred(
    shop: Any, upstream: Upstream, use_settings: Any
) -> None:
    use_settings(products_url=upstream.url)
    order = shop.place(*[1] * 250)
    upstream.answers["/api/products"] = lambda query: [
        {"id": product_id} for product_id in query["ids"][0].split(",")
    ]

    body = shop.get(f"/{order['id']}?expand=products").get_json()

    assert len(upstream.requests) == 3
    assert all(item["product"]["id"] == item["product_id"] for item in body["data"]["items"])


def test_a_product_that_is_gone_is_null_without_a_warning(
    shop: Any, upstream: Upstream, use_settings: Any
) -> None:
    use_settings(products_url=upstream.url)
    order = shop.place(1)
    upstream.answers["/api/products"] = lambda query: []

    body = shop.get(f"/{order['id']}?expand=products").get_json()

    assert body["data"]["items"][0]["product"] is None
    assert body["meta"]["warnings"] == []
