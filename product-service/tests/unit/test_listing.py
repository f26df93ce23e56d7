"""What the list remembers, and that its hot statements need no SQLAlchemy to run."""

import pytest

from product_service.services.listing import plan_listing
from product_service.services.totals import TotalCache


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"sort": "-price"},
        {"q": "龙井"},
        {"category": "tea", "in_stock": True, "min_price": 1, "max_price": 2},
    ],
)
def test_ordinary_lists_go_to_the_driver_directly(filters):
    assert plan_listing({"page": 1, "per_page": 20, **filters}).rows.direct


def test_values_that_the_driver_cannot_write_take_the_ordinary_road():
    filters = {"attributes": {"size": [42, "42"]}}
    assert not plan_listing({"page": 1, "per_page": 20, **filters}).rows.direct


class Counter:
    """Counts how often it is asked."""

    def __init__(self, total):
        self.total, self.asked = total, 0

    def __call__(self):
        self.asked += 1
        return self.total


def test_a_long_list_is_counted_once_in_a_while():
    now = [100.0]
    cache, count = TotalCache(ttl=1.0, clock=lambda: now[0]), Counter(10_000)
    assert [cache.total("a", count) for _ in range(3)] == [10_000] * 3
    assert count.asked == 1
    now[0] += 1.0
    cache.total("a", count)
    cache.total("b", count)
    assert count.asked == 3


def test_a_short_list_is_counted_every_time():
    cache, count = TotalCache(ttl=60), Counter(499)
    assert [cache.total("a", count) for _ in range(3)] == [499] * 3
    assert count.asked == 3


def test_a_ttl_of_nothing_remembers_nothing():
    cache, count = TotalCache(ttl=0), Counter(10_000)
    for _ in range(3):
        cache.total("a", count)
    assert count.asked == 3
