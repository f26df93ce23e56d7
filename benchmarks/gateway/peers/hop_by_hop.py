"""The fields that no proxy may pass on (RFC 9110 section 7.6.1), for all Python peers."""

from collections.abc import Iterable

HOP_BY_HOP = frozenset(
    {
        "connection",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def end_to_end(fields: Iterable[tuple[str, str]], *also: str) -> list[tuple[str, str]]:
    """Return the fields that go on; also: further names, in lower case, that do not."""
    return [
        (name, value)
        for name, value in fields
        if name.lower() not in HOP_BY_HOP and name.lower() not in also
    ]
