"""Full-text search, with and without spaces between words."""

import pytest

CHINESE_TEA = "明前西湖龙井茶叶礼盒装二百五十克"
PORCELAIN = "景德镇青花瓷茶杯,手绘山水图案"


@pytest.fixture
def shop(make_product):
    """A few products whose names and descriptions are searched below."""
    return {
        "longjing": make_product(
            sku="LJ-250", name=CHINESE_TEA, description="产自浙江杭州的绿茶,香气清高。"
        ),
        "cup": make_product(sku="QH-01", name=PORCELAIN, description="Hand-painted porcelain cup"),
        "heart": make_product(
            sku="85123A",
            name="WHITE HANGING HEART T-LIGHT HOLDER",
            description="Holds a tea light",
            attributes={"colour": "crème"},
        ),
        "sake": make_product(sku="JP-9", name="日本酒カップ", description="사케 잔"),
    }


@pytest.mark.parametrize(
    ("words", "found"),
    [
        # Words of one, two, three and more characters inside longer text.
        ("茶", {"longjing", "cup"}),
        ("龙井", {"longjing"}),
        ("茶叶", {"longjing"}),
        ("茶杯", {"cup"}),
        ("青花瓷", {"cup"}),
        ("西湖龙井", {"longjing"}),
        ("浙江", {"longjing"}),
        ("景德镇青花瓷茶杯", {"cup"}),
        # Both words, anywhere; and characters that are there, but not side by side.
        ("龙井 杭州", {"longjing"}),
        ("龙井 茶杯", set()),
        ("茶井", set()),
        ("杯茶", set()),
        # A phrase does not reach from the name into the description.
        ("二百五十克产自", set()),
        # Mixed scripts, full-width letters, kana and Hangul.
        ("茶杯 porcelain", {"cup"}),
        ("PORCELAIN", {"cup"}),
        ("カップ", {"sake"}),
        ("사케", {"sake"}),
        # Words with spaces: any case, the last one as a prefix.
        ("hanging heart", {"heart"}),
        ("HEART hang", {"heart"}),
        ("hang", {"heart"}),
        ("eart", set()),
        ("tea", {"heart"}),
        # SKU and attributes.
        ("85123a", {"heart"}),
        ("LJ-250", {"longjing"}),
        ("crème", {"heart"}),
        # Nothing to look for finds nothing; operators are text.
        ("!!! &|()<->:*", set()),
        ("'; DROP TABLE products; --", set()),
        ("heart' | '茶", set()),
        ("\\", set()),
    ],
)
def test_search_finds_words(client, shop, words, found):
    answer = client.get("/api/products", query_string={"q": words})
    assert answer.status_code == 200
    skus = {shop[name]["sku"] for name in found}
    assert {item["sku"] for item in answer.json["data"]} == skus
    assert answer.json["meta"]["pagination"]["total"] == len(found)


def test_a_name_ranks_above_a_description(client, make_product):
    make_product(sku="D", name="Plate", description="Goes with the teapot")
    make_product(sku="N", name="Teapot", description="Plain")
    make_product(sku="D2", name="Bowl", description="Goes with the teapot")
    answer = client.get("/api/products?q=teapot")
    assert next(item["sku"] for item in answer.json["data"]) == "N"


def test_a_search_can_be_sorted_and_paged_by_cursor(client, make_product):
    for number in range(5):
        make_product(sku=f"T{number}", name=f"龙井{number}", price=100 + number)
    first = client.get("/api/products?q=龙井&sort=-price&per_page=3&cursor=").json
    cursor = first["meta"]["pagination"]["next_cursor"]
    second = client.get(
        "/api/products",
        query_string={"q": "龙井", "sort": "-price", "per_page": 3, "cursor": cursor},
    ).json
    assert [item["sku"] for item in first["data"] + second["data"]] == [
        "T4",
        "T3",
        "T2",
        "T1",
        "T0",
    ]
    assert second["meta"]["pagination"]["next_cursor"] is None
