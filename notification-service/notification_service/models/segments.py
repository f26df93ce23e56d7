"""How many parts an SMS is sent in, which is what it costs."""

# 3GPP TS 23.038, section 6.2.1: what one septet holds, and what takes two by way of an escape.
_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_7_EXTENDED = frozenset("^{}\\[~]|€\f")


def count_segments(text: str, region: str = "") -> int:
    """Return the number of segments of `text`, the signature included.

    region: ISO 3166 code of the receiver's country. China counts characters, 70 or 67 for each
    part, whatever their alphabet; elsewhere GSM-7 has 160 or 153 and UCS-2 70 or 67 UTF-16 units.
    """
    if region == "CN":
        return _parts(len(text), 70, 67)
    if _GSM_7.issuperset(set(text) - _GSM_7_EXTENDED):
        septets = len(text) + sum(one in _GSM_7_EXTENDED for one in text)
        return _parts(septets, 160, 153)
    return _parts(len(text.encode("utf-16-le")) // 2, 70, 67)


def _parts(length: int, whole: int, part: int) -> int:
    return 1 if length <= whole else -(-length // part)
