"""How many parts an SMS is sent in, which is what it costs."""

from collections.abc import Iterable

# 3GPP TS 23.038, section 6.2.1: what one septet holds, and what takes two by way of an escape.
_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_7_EXTENDED = frozenset("^{}\\[~]|€\f")


def count_segments(text: str, region: str = "") -> int:
    """Return the number of segments of `text`, the signature included.

    region: ISO 3166 code of the receiver's country. China has 70 or 67 UTF-16 units for each part,
    whatever the alphabet; elsewhere GSM-7 has 160 or 153 septets, and UCS-2 70 or 67 units. What
    takes two of them is never torn apart: it moves to the next part whole.
    """
    if region != "CN" and _GSM_7.issuperset(set(text) - _GSM_7_EXTENDED):
        return _parts((2 if one in _GSM_7_EXTENDED else 1 for one in text), 160, 153)
    return _parts((2 if one > "\uffff" else 1 for one in text), 70, 67)


def _parts(widths: Iterable[int], whole: int, part: int) -> int:
    """Return how many parts characters of these widths fill, one alone holding `whole`."""
    total, parts, used = 0, 1, 0
    for width in widths:
        total += width
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return 1 if total <= whole else parts
