"""Computing, without a database or a web server."""

import pytest

from compute_service.models.arithmetic import Operation, calculate, written
from compute_service.models.errors import DivisionByZero


@pytest.mark.parametrize(
    ("operation", "value", "other", "result"),
    [
        ("sum", 2, 3, "5"),
        ("sub", 2, 3, "-1"),
        ("mul", 10**12, -(10**12), "-1000000000000000000000000"),
        ("div", 7, 2, "3.5"),
        ("div", 600, 1, "600"),
        ("div", 1, 10**12, "0.000000000001"),
        ("div", 2, 3, "0.6666666666666666666666666667"),
        ("div", 0, -5, "0"),
    ],
)
def test_result_is_exact_and_written_in_digits(
    operation: str, value: int, other: int, result: str
) -> None:
    assert written(calculate(Operation(operation), value, other)) == result


def test_division_by_zero_is_refused() -> None:
    with pytest.raises(DivisionByZero) as caught:
        calculate(Operation.DIV, 1, 0)
    assert (caught.value.status, caught.value.code) == (422, "compute.division_by_zero")
