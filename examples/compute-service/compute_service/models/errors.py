"""What can be wrong with a job."""

from chassis.exceptions import NotFound, Unprocessable


class JobNotFound(NotFound):
    """There is no such job."""

    code = "compute.job_not_found"


class DivisionByZero(Unprocessable):
    """Nothing can be divided by zero."""

    code = "compute.division_by_zero"


class UnknownOperation(Unprocessable):
    """The operation must be sum, sub, mul or div."""

    code = "compute.unknown_operation"
