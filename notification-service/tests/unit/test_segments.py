"""Segments at their boundaries, as carriers bill them (3GPP TS 23.038, 23.040)."""

import pytest

from notification_service.models.segments import count_segments


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("验" * 70, 1),
        ("验" * 71, 2),
        ("验" * 134, 2),
        ("验" * 135, 3),
        ("a" * 69 + "验", 1),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        # A pair does not fit into the last place of a part, and takes the next part's first two.
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 153 + "€" + "a" * 151, 2),
        ("€" * 153, 3),
        ("验" * 66 + "😀" + "验" * 66, 3),
        ("😀" * 66, 2),
        ("😀" * 67, 3),
    ],
)
def test_segments_abroad(text: str, segments: int) -> None:
    assert count_segments(text) == segments


@pytest.mark.parametrize(("length", "segments"), [(70, 1), (71, 2), (134, 2), (135, 3), (500, 8)])
def test_china_counts_every_alphabet_alike(length: int, segments: int) -> None:
    assert count_segments("a" * length, "CN") == segments


@pytest.mark.parametrize(("text", "segments"), [("茶😀" * 23, 1), ("茶😀" * 24, 2), ("€" * 70, 1)])
def test_china_counts_units_of_utf_16(text: str, segments: int) -> None:
    assert count_segments(text, "CN") == segments
