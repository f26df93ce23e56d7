"""Nothing that is asked or guessed without an account tells that there is none."""

import pytest
from sqlalchemy import select

from user_service import tasks as jobs
from user_service.models import Verification

KNOWN, UNKNOWN = "+447400123456", "+447400999999"


@pytest.fixture
def ada(people, post, clock):
    account = people.register(email="ada@example.com", phone=KNOWN)
    people.send("POST", "/me/phone/verification", {}, account.headers)
    letter = post(KNOWN)
    body = {name: letter[name] for name in ("verification_id", "code")}
    people.send("POST", "/me/phone/verification/confirm", body, account.headers)
    clock.move(3600)
    return account


def shape(answer):
    body = answer.get_json()
    data = {name: len(value) for name, value in body.pop("data").items()}
    headers = set(dict(answer.headers)) - {"X-Request-Id"}
    return answer.status_code, data, body, headers


REQUESTS = [
    pytest.param("/login/sms", {"phone": KNOWN}, {"phone": UNKNOWN}, id="login by SMS"),
    pytest.param(
        "/password/reset",
        {"email": "ada@example.com"},
        {"email": "eve@example.com"},
        id="password reset",
    ),
]


@pytest.mark.parametrize(("path", "known", "unknown"), REQUESTS)
def test_asking_has_one_answer_and_one_amount_of_work(
    people, ada, statements, published, path, known, unknown
):
    answers, work, news = [], [], []
    for body in (known, unknown):
        statements.clear()
        answers.append(people.send("POST", path, body))
        work.append(list(statements))
        news.append(len(published()))

    assert shape(answers[0]) == shape(answers[1])
    assert work[0] == work[1]
    assert len(work[0]) >= 5
    assert news[0] == news[1]


@pytest.mark.parametrize(("path", "known", "unknown"), REQUESTS)
def test_the_pause_is_the_same(people, ada, path, known, unknown):
    for body in (known, unknown):
        people.send("POST", path, body)

    refused = [people.send("POST", path, body) for body in (known, unknown)]

    assert [answer.status_code for answer in refused] == [429, 429]
    assert len({answer.headers["Retry-After"] for answer in refused}) == 1


def test_guessing_has_one_answer_and_one_amount_of_work(people, ada, statements, post):
    ids = [
        people.send("POST", "/login/sms", {"phone": phone}).get_json()["data"]["verification_id"]
        for phone in (KNOWN, UNKNOWN)
    ]
    wrong = f"{(int(post(KNOWN)['code']) + 1) % 10**6:06d}"
    seen = []
    for verification_id in ids:
        answers, work = [], []
        for _ in range(6):
            statements.clear()
            body = {"verification_id": verification_id, "code": wrong}
            answer = people.send("POST", "/login/sms/confirm", body)
            answers.append((answer.status_code, answer.get_json()["code"]))
            work.append(list(statements))
        seen.append((answers, work))

    assert seen[0] == seen[1]
    assert [code for _, code in seen[0][0]] == ["users.wrong_code"] * 5 + ["users.code_expired"]


def test_no_code_opens_what_has_no_account(people, session):
    asked = people.send("POST", "/login/sms", {"phone": UNKNOWN}).get_json()["data"]

    stored = session.scalars(select(Verification)).one()

    assert stored.user_id is None
    assert str(stored.id) == asked["verification_id"]


def test_a_receiver_without_account_is_noted_and_not_written_to(people, tasks, published, caplog):
    caplog.set_level("INFO")
    asked = people.send("POST", "/login/sms", {"phone": UNKNOWN}).get_json()["data"]

    [(name, arguments)] = tasks()
    jobs.note_unknown_receiver(**arguments)

    assert (name, published()) == (jobs.note_unknown_receiver.name, [])
    assert arguments == {
        "verification_id": asked["verification_id"],
        "purpose": "login",
        "channel": "sms",
    }
    assert caplog.messages[-1] == "code asked for a receiver without account"


def test_no_log_line_or_answer_holds_a_code_or_token(people, ada, post, caplog):
    caplog.set_level("DEBUG")
    answers, secrets = [], []
    for path, body, receiver in (
        ("/login/sms", {"phone": KNOWN}, KNOWN),
        ("/password/reset", {"email": "ada@example.com"}, "ada@example.com"),
    ):
        answers.append(people.send("POST", path, body).text)
        secrets.append(post(receiver)["code"])
    ids = [post(KNOWN)["verification_id"], post("ada@example.com")["verification_id"]]
    body = {"verification_id": ids[0], "code": secrets[0]}
    people.send("POST", "/login/sms/confirm", body)
    body = {"token": secrets[1], "new_password": "another long password"}
    answers.append(people.send("POST", "/password/reset/confirm", body).text)

    lines = " ".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    lines += " ".join(str(vars(record).get("code", "")) for record in caplog.records)
    assert [text for text in (*secrets, KNOWN, "ada@example.com") if text in lines] == []
    assert [text for text in (*secrets, KNOWN, "ada@example.com") if text in str(answers)] == []
