"""What a provider's error codes mean for us."""

import re
from collections.abc import Mapping

from notification_service.providers.exchange import Answer
from notification_service.providers.port import ErrorClass, ProviderError, Sms

# Numbers and codes that a provider repeats in its message, and parameters in percent-encoding as in
# "server string to sign is: ...".
_TELLING = re.compile(r"\d{4,}|\S*%[0-9A-Fa-f]{2}\S*")
_LONGEST_MESSAGE = 200


class CodeTable:
    """The classes of a provider's codes.

    classes: for each class its codes, separated by spaces; a code that ends with `*` stands for all
    that begin so, the longest counts. otherwise: the class of codes that are in no row.
    """

    def __init__(self, classes: Mapping[ErrorClass, str], otherwise: ErrorClass) -> None:
        self._otherwise = otherwise
        self._exact: dict[str, ErrorClass] = {}
        prefixes: dict[str, ErrorClass] = {}
        for kind, codes in classes.items():
            for code in codes.split():
                table = prefixes if code.endswith("*") else self._exact
                table[code.removesuffix("*")] = kind
        self._prefixes = sorted(prefixes.items(), key=lambda row: -len(row[0]))

    def find(self, code: str) -> ErrorClass | None:
        """Return the class of `code`, None where the table does not know it."""
        if code in self._exact:
            return self._exact[code]
        return next((kind for prefix, kind in self._prefixes if code.startswith(prefix)), None)

    def error(
        self,
        answer: Answer,
        code: str,
        message: str,
        sms: Sms,
        *,
        retry_after: float | None = None,
    ) -> ProviderError:
        """Return the error that `answer` is; `message` loses what tells of `sms`.

        code: empty where the answer is not the provider's. retry_after: seconds, where the message
        tells; else what the header says.
        """
        kind = self.find(code)
        if not code or (kind is None and answer.status >= 500):
            return answer.error()
        pause = answer.retry_after() if retry_after is None else retry_after
        return ProviderError(kind or self._otherwise, code, _discreet(message, sms), pause)


def _discreet(message: str, sms: Sms) -> str:
    for value in sms.params.values():
        if len(value) > 1:
            message = message.replace(value, "#")
    return _TELLING.sub("#", message)[:_LONGEST_MESSAGE]
