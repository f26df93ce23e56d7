import pytest
from hypothesis import given
from hypothesis import strategies as st

from user_service.models.emails import InvalidEmail, canonical_email


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@Example.COM ", "ada@example.com"),
        ("ａｄａ@example.com", "ada@example.com"),
        ("Kelvin\u212a@example.com", "kelvink@example.com"),
        ("straße@example.com", "strasse@example.com"),
        ("o'brien+shop@example.com", "o'brien+shop@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d"),
    ],
)
def test_equal_mailboxes_have_one_canonical_form(typed, canonical):
    assert canonical_email(typed) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@-example.com",
        "ada@example..com",
        "ada@exa_mple.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "a da@example.com",
        "a,b@example.com",
        "ada@evil.com@example.com",
        "ad\u200ba@example.com",
        "ad\u202ea@example.com",
        "ad\ufeffa@example.com",
        "ad\u00ada@example.com",
        "ad\x00a@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "x" * 64 + ".com",
        "ada@" + ".".join(["x" * 60] * 5),
    ],
)
def test_what_is_no_mailbox_is_refused_with_its_field(typed):
    with pytest.raises(InvalidEmail) as refusal:
        canonical_email(typed)

    assert [problem["field"] for problem in refusal.value.errors] == ["email"]


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=20))
def test_the_canonical_form_is_stable(local, domain):
    try:
        canonical = canonical_email(f"{local}@{domain}.com")
    except InvalidEmail:
        return

    assert canonical_email(canonical) == canonical
