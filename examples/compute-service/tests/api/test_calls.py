"""What other services may call over the broker."""

from typing import Any

import pytest

from chassis.rpc.catalogue import Catalogue
from compute_service.models.errors import DivisionByZero, UnknownOperation
from compute_service.tasks import add, calculate_now, celery

Desk = Any


def test_other_services_may_add_and_calculate(desk: Desk) -> None:
    assert desk.run(add, value=2, other=3) == 5
    assert desk.run(calculate_now, operation="div", value=7, other=2) == "3.5"
    names = [task["name"] for task in Catalogue(celery.tasks).as_json()]
    own = [name for name in names if name.startswith("compute.")]
    assert own == ["compute.add", "compute.calculate"]


def test_errors_of_a_call_have_codes(desk: Desk) -> None:
    with pytest.raises(DivisionByZero):
        desk.run(calculate_now, operation="div", value=1, other=0)
    with pytest.raises(UnknownOperation) as caught:
        desk.run(calculate_now, operation="pow", value=1, other=0)
    assert caught.value.code == "compute.unknown_operation"
