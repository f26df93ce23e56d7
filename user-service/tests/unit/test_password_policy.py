import pytest

from user_service.models.password_policy import WeakPassword, require_strong_password

CONTEXT = ("ada.lovelace@example.com", "Ada Lovelace")


def check(password, minimum=8):
    require_strong_password(password, minimum=minimum, context=CONTEXT)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "kX9!mQ2p",
        "ünïcödé-ist-lang",
        "密码很长也很难猜到",
        "x1y2z3" * 20,
        "        a long way home",
    ],
)
def test_a_password_that_is_hard_to_guess_is_accepted(password):
    check(password)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("kX9!mQ2", "Must have 8 to 128 characters."),
        ("kX9!" * 33, "Must have 8 to 128 characters."),
        ("aaaaaaaaaaaa", "Has too few different characters."),
        ("ababababab", "Has too few different characters."),
        ("password", "Is among the most used passwords."),
        ("PassWord", "Is among the most used passwords."),
        ("Password123!", "Is among the most used passwords."),
        ("ｐａｓｓｗｏｒｄ", "Is among the most used passwords."),
        ("1qaz2wsx", "Is among the most used passwords."),
        ("lovelace2026!", "Must not be made of your name or e-mail address."),
        ("LOVELACE!", "Must not be made of your name or e-mail address."),
    ],
)
def test_a_guessable_password_is_refused_with_the_reason(password, reason):
    with pytest.raises(WeakPassword) as refusal:
        check(password)

    assert refusal.value.errors == [{"field": "password", "message": reason}]


def test_the_minimum_can_be_raised():
    with pytest.raises(WeakPassword):
        check("kX9!mQ2p-short", minimum=15)

    check("kX9!mQ2p-longer", minimum=15)
