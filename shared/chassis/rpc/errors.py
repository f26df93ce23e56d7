"""What can go wrong with a call besides what its task raises; every service has these codes."""

from chassis.exceptions import BadGateway, GatewayTimeout, ServiceUnavailable


class CallTimeout(GatewayTimeout):
    """The service did not answer in time."""

    code = "rpc.timeout"


class CallUnavailable(ServiceUnavailable):
    """Calls to other services cannot be sent right now."""

    code = "rpc.unavailable"


class CallRefused(BadGateway):
    """The call cannot succeed as it is; sending it again does not help."""

    code = "rpc.refused"
    retryable = False


class UnknownService(CallRefused):
    """No service of this name takes calls."""

    code = "rpc.unknown_service"


class UnknownTask(CallRefused):
    """The service has no such task for others."""

    code = "rpc.unknown_task"


class VersionMismatch(CallRefused):
    """The caller and the service disagree about the task's signature."""

    code = "rpc.version_mismatch"


class NotJson(CallRefused):
    """The arguments or the result of a call are not JSON."""

    code = "rpc.not_json"


class TooLarge(CallRefused):
    """The arguments or the result of a call are too large."""

    code = "rpc.too_large"


class CallInterrupted(CallRefused):
    """The worker that had the call was lost; whether the task ran is not known."""

    code = "rpc.interrupted"


class CallFailed(CallRefused):
    """The task failed with a defect; the log of its service tells more."""

    code = "rpc.failed"
