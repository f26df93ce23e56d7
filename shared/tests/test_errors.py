"""The one table from exceptions to answers, and the exceptions themselves."""

from typing import Any
from uuid import uuid4

import pytest
from demo_service.models import db
from flask import Flask
from gunicorn.http.errors import InvalidChunkSize, NoMoreData
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import (
    BadRequestKeyError,
    NotAcceptable,
    RequestHeaderFieldsTooLarge,
)

from chassis import exceptions
from chassis.app import parts, settings
from chassis.auth import optional_principal
from chassis.errors import as_service_error
from chassis.exceptions import Conflict, ServiceError, ServiceUnavailable, TooManyRequests


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StaleDataError("1 row expected"), 409, "conflict"),
        (InvalidChunkSize(b"zz"), 400, "malformed_body"),
        (NoMoreData(b""), 400, "malformed_body"),
        (NotAcceptable(), 406, "not_acceptable"),
        (RequestHeaderFieldsTooLarge(), 431, "request_header_fields_too_large"),
        (BadRequestKeyError("name"), 400, "bad_request"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_known_becomes_its_status(error: Exception, status: int, code: str) -> None:
    found = as_service_error(error)
    assert found is not None
    assert (found.status, found.code) == (status, code)
    assert found.message


@pytest.mark.parametrize("error", [RuntimeError("x"), ValueError("x"), KeyError("x"), OSError()])
def test_a_defect_has_no_meaning_for_clients(error: Exception) -> None:
    assert as_service_error(error) is None


def test_nothing_can_be_read_after_a_body_of_unknown_length() -> None:
    found = as_service_error(NoMoreData(b""))
    assert found is not None and found.headers == {"Connection": "close"}


def test_an_error_says_by_itself_what_it_is() -> None:
    class OutOfStock(Conflict):
        """There is not enough of a product.

        More for developers.
        """

        code = "orders.out_of_stock"

    error = OutOfStock()
    assert (error.status, error.code) == (409, "orders.out_of_stock")
    assert error.message == str(error) == "There is not enough of a product"
    told = OutOfStock("2 left", code="x", errors=[{"field": "a", "message": "b"}])
    assert (told.message, told.code, told.errors) == (
        "2 left",
        "x",
        [{"field": "a", "message": "b"}],
    )
    assert OutOfStock.code == "orders.out_of_stock"


@pytest.mark.parametrize("kind", [ServiceUnavailable, TooManyRequests])
def test_who_should_come_back_is_told_when(kind: type[exceptions.RetryLater]) -> None:
    assert kind().headers["Retry-After"] == "1"
    error = kind(retry_after=30, headers={"X-Limit": "5"})
    assert error.headers == {"Retry-After": "30", "X-Limit": "5"} and error.retryable
    assert kind(retry_after=-5).retry_after == 1


def test_every_error_of_the_chassis_has_a_status_and_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(exceptions).values() if isinstance(kind, type)]
    errors = [kind for kind in kinds if issubclass(kind, ServiceError)]
    assert len({kind.code for kind in errors}) == len(errors)
    assert all(400 <= kind.status < 600 for kind in errors)


def test_the_service_tells_what_it_is_made_of(app: Flask) -> None:
    with app.app_context():
        assert (parts().name, parts().package, parts().db) == ("demo", "demo_service", db)
        assert settings().platform_env == "testing" and settings() is parts().config


def test_a_public_view_may_ask_who_calls(app: Flask, auth: Any) -> None:
    user = uuid4()
    with app.test_request_context():
        assert optional_principal() is None
    with app.test_request_context(headers=auth(user, ("admin",))):
        caller = optional_principal()
        assert caller is not None and caller.user_id == user
        assert caller.is_staff
