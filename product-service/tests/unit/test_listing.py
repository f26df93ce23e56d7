"""That hot statements need no SQLAlchemy to run, and what is remembered of long lists."""

import pytest

from product_service.services.listing import plan_listing
from product_service.services.recent import MOST_ENTRIES, Recent


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


def test_what_is_kept_is_forgotten_after_its_time():
    now = [100.0]
    recent = Recent(ttl=1.0, clock=lambda: now[0])
    recent.keep("a", 7)
    assert (recent.get("a"), recent.get("b")) == (7, None)
    now[0] += 0.9
    assert recent.get("a") == 7
    now[0] += 0.1
    assert recent.get("a") is None


def test_a_ttl_of_nothing_remembers_nothing():
    recent = Recent(ttl=0)
    recent.keep("a", 7)
    assert recent.get("a") is None


def test_a_memory_has_a_limited_size():
    recent = Recent(ttl=60)
    for number in range(MOST_ENTRIES + 1):
        recent.keep(number, number)
    assert sum(recent.get(number) is not None for number in range(MOST_ENTRIES + 1)) == 1
