"""Search terms: what is indexed, and what a query asks for."""

import pytest

from product_service.models.search_text import search_query, search_vector


def lexemes(*, sku="S", name="", description="", attributes=None):
    return search_vector(sku, name, description, attributes or {}).split(" ")


def test_words_are_folded_and_weighted_by_where_they_stand():
    assert lexemes(sku="A1", name="Tea CUP", description="a Cup", attributes={"c": "Red"}) == [
        "'a1':1A",
        "'tea':2A",
        "'cup':3A,8D",
        "'red':5B",
        "'a':7D",
    ]


def test_chinese_is_indexed_by_characters_and_pairs():
    assert lexemes(sku="X", name="青花瓷") == [
        "'x':1A",
        "'青':2A",
        "'青花':2A",
        "'花':3A",
        "'花瓷':3A",
        "'瓷':4A",
    ]


def test_quotes_and_backslashes_of_a_sku_are_escaped():
    assert "'a''b\\\\c':1A" in lexemes(sku="A'B\\C")


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("Tea", "'tea':*"),
        ("white tea", "'white' & 'tea':*"),
        ("茶", "'茶'"),
        ("茶叶", "('茶叶')"),
        ("西湖龙井", "('西湖' <-> '湖龙' <-> '龙井')"),
        ("龙井tea", "('龙井') & 'tea':*"),
        ("tea 茶", "'tea' & '茶'"),
        ("", None),
        (" !?&|", None),
    ],
)
def test_queries(words, query):
    assert search_query(words) == query


def test_a_huge_text_stays_within_the_limits_of_the_index():
    vector = search_vector("S", "龙" * 300, "茶" * 10_000, {"note": "word " * 100})
    positions = [
        int(p.rstrip("ABD")) for part in vector.split() for p in part.split(":")[1].split(",")
    ]
    assert max(positions) < 16_384
    assert len(search_query("x " * 100).split("&")) == 32
