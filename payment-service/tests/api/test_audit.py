"""The audit finds what is wrong: each rule is broken once, on purpose."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

Till = Any


def test_healthy_service_passes_and_counts(till: Till) -> None:
    paid = till.pay(amount=1000)
    till.refund(paid["id"], 300)
    till.pay("tok_declined")
    till.pay("tok_timeout_after")
    till.work()

    audit = till.get("/audit", till.admin).get_json()["data"]

    assert [check["name"] for check in audit["checks"] if not check["ok"]] == []
    counts = audit["counts"]
    assert counts["payments"] == {"failed": 1, "succeeded": 1, "unknown": 1}
    assert (counts["captured"], counts["refunded"]) == ({"GBP": 1000}, {"GBP": 300})
    assert (counts["unknown_payments"], counts["open_operations"]) == (1, 1)
    assert counts["ledger_total"] == 0
    assert audit["outbox_pending"] == 7, "3 events and 4 tasks"


BREAKS = {
    "ledger_transactions_sum_to_zero": "UPDATE ledger_entries SET amount = amount + 1"
    " WHERE account = 'assets:provider'",
    "ledger_sums_to_zero_by_currency": "UPDATE ledger_entries SET currency = 'EUR'"
    " WHERE account = 'income:sales'",
    "one_currency_for_each_payment": "UPDATE ledger_entries SET currency = 'EUR'"
    " WHERE account = 'income:sales'",
    "payments_equal_ledger": "UPDATE payments SET captured_amount = captured_amount - 1",
    "refunds_within_captures": "UPDATE refunds SET amount = amount + 2000",
    "nothing_held_for_closed_orders": "UPDATE payments SET status = 'authorized'",
    "payments_equal_witness": "UPDATE payments SET refunded_amount = 0",
}


@pytest.mark.parametrize("check", BREAKS)
def test_broken_rule_is_reported(till: Till, session: Session, check: str) -> None:
    payment = till.pay()
    till.refund(payment["id"], 500)
    till.work()
    till.close(payment["order_id"])
    assert till.broken() == []

    session.execute(text(BREAKS[check]))

    found = {item["name"]: item["detail"]["violations"] for item in till.broken()}
    assert len(found[check]) >= 1


def test_second_capture_of_an_order_is_reported(till: Till, session: Session) -> None:
    first, second = till.pay(), till.pay()
    session.execute(text("DROP INDEX uq_payments_active_order"))
    session.execute(text(f"UPDATE payments SET order_id = '{first['order_id']}'"))

    [found] = till.broken()

    assert found["name"] == "one_capture_for_each_order"
    violations = found["detail"]["violations"]
    assert violations == [{"order_id": first["order_id"], "captures": 2}]
    assert second["id"] != first["id"]


def test_charge_that_no_payment_knows_is_reported(till: Till, session: Session) -> None:
    session.execute(
        text(
            "INSERT INTO sandbox_charges VALUES"
            f" ('ch_x', '{uuid4()}', 'GBP', 500, 500, 0, false, now())"
        )
    )

    [found] = till.broken()

    assert found["name"] == "no_charge_without_payment"
    assert found["detail"]["violations"][0]["reference"] == "ch_x"


def test_database_refuses_a_second_active_payment(till: Till, session: Session) -> None:
    first, second = till.pay(), till.pay()

    with pytest.raises(IntegrityError, match="uq_payments_active_order"):
        session.execute(
            text("UPDATE payments SET order_id = :order WHERE id = :id"),
            {"order": first["order_id"], "id": second["id"]},
        )


def test_database_refuses_to_commit_entries_that_do_not_balance(
    till: Till, session: Session
) -> None:
    till.pay()
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))

    with pytest.raises(IntegrityError, match="do not sum to zero"):
        session.execute(text("UPDATE ledger_entries SET amount = amount * 2 WHERE amount > 0"))
