import pytest

from user_service.models.phones import NotMobile, mobile_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+447400123456", "+447400123456"),
        ("+44 (0)7400 123-456", "+447400123456"),
        ("+86 138 1234 5678", "+8613812345678"),
        ("+1 201 555 0123", "+12015550123"),
        ("+49 1512 3456789", "+4915123456789"),
        ("＋８６１３８１２３４５６７８", "+8613812345678"),
    ],
)
def test_a_mobile_number_is_stored_in_e164(text, number):
    assert mobile_number(text) == number
    assert mobile_number(number) == number


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("07400 123456", "country code"),
        ("", "country code"),
        ("call me", "country code"),
        ("+" + "1" * 300, "country code"),
        ("+8612345", "in use"),
        ("+447400123456 ext. 9", "in use"),
        ("+442079460018", "mobile"),
        ("+4930901820", "mobile"),
        ("+448001111", "mobile"),
    ],
)
def test_what_gets_no_message_is_refused_with_the_reason(text, problem):
    with pytest.raises(NotMobile, match=problem) as refused:
        mobile_number(text)

    assert not text or text not in str(refused.value)
