"""What this service can do, free of tables and requests."""

from decimal import Decimal
from enum import StrEnum

from compute_service.models.errors import DivisionByZero


class Operation(StrEnum):
    SUM = "sum"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"


SIGNS = {Operation.SUM: "+", Operation.SUB: "-", Operation.MUL: "×", Operation.DIV: "÷"}


def calculate(operation: Operation, value: int, other: int) -> Decimal:
    """Return the result: exact, a quotient to 28 digits. Raises DivisionByZero."""
    if operation is Operation.DIV:
        if other == 0:
            raise DivisionByZero
        # 0 / -5 is -0 for Decimal; adding 0 makes it 0.
        return Decimal(value) / Decimal(other) + 0
    if operation is Operation.SUM:
        return Decimal(value + other)
    if operation is Operation.SUB:
        return Decimal(value - other)
    return Decimal(value * other)


def written(number: Decimal) -> str:
    """Return a number in digits: `str` would write 0.0000001 as 1E-7."""
    return format(number, "f")
