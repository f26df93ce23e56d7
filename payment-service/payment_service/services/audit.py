"""The invariants of this service, checked on what is in the database now."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from chassis.messaging.outbox import count_pending

# Each check is one statement and so sees one snapshot; it returns the rows that break the rule.
_RULES = {
    "ledger_transactions_sum_to_zero": """
        SELECT operation_id::text, sum(amount)::bigint AS total FROM ledger_entries
        GROUP BY operation_id, currency HAVING sum(amount) <> 0 LIMIT 20""",
    "ledger_sums_to_zero_by_currency": """
        SELECT currency, sum(amount)::bigint AS total FROM ledger_entries
        GROUP BY currency HAVING sum(amount) <> 0""",
    "one_currency_for_each_payment": """
        SELECT payment_id::text FROM ledger_entries GROUP BY payment_id
        HAVING count(DISTINCT currency) > 1 LIMIT 20""",
    "one_capture_for_each_order": """
        SELECT order_id::text, count(*) AS captures FROM payments WHERE status = 'succeeded'
        GROUP BY order_id HAVING count(*) > 1 LIMIT 20""",
    "payments_equal_ledger": """
        SELECT p.id::text AS payment_id, p.captured_amount, p.refunded_amount FROM payments p
        LEFT JOIN ledger_entries e ON e.payment_id = p.id
        GROUP BY p.id
        HAVING p.captured_amount <> -coalesce(sum(e.amount) FILTER
                   (WHERE e.account = 'income:sales'), 0)
            OR p.refunded_amount <> coalesce(sum(e.amount) FILTER
                   (WHERE e.account = 'income:refunds'), 0) LIMIT 20""",
    "refunds_within_captures": """
        SELECT p.id::text AS payment_id, p.captured_amount, sum(r.amount)::bigint AS refunds
        FROM payments p JOIN refunds r ON r.payment_id = p.id AND r.status <> 'failed'
        GROUP BY p.id HAVING sum(r.amount) > p.captured_amount LIMIT 20""",
    "nothing_held_for_closed_orders": """
        SELECT p.id::text AS payment_id, p.status FROM payments p
        JOIN payables b ON b.order_id = p.order_id AND b.status = 'closed'
        WHERE p.status IN ('authorized', 'requires_action') LIMIT 20""",
}

_BY_STATUS = text("SELECT status, count(*) FROM payments GROUP BY status ORDER BY status")
_BY_CURRENCY = text("""
    SELECT currency, sum(captured_amount)::bigint AS captured,
           sum(refunded_amount)::bigint AS refunded
    FROM payments GROUP BY currency ORDER BY currency
""")
_NUMBERS = text("""
    SELECT (SELECT count(*) FROM payments WHERE status = 'unknown') AS unknown_payments,
           (SELECT count(*) FROM operations WHERE state <> 'done') AS open_operations,
           (SELECT count(*) FROM refunds WHERE status = 'pending') AS pending_refunds,
           (SELECT count(*) FROM refunds WHERE status = 'failed') AS failed_refunds,
           (SELECT count(*) FROM payables WHERE status = 'open') AS open_payables,
           (SELECT coalesce(sum(amount), 0)::bigint FROM ledger_entries) AS ledger_total
""")


def run_audit(
    session: Session, discrepancies: Mapping[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Return `checks`, `counts` and `outbox_pending`.

    discrepancies: what the provider's own books say against ours, by check. A failed check lists
    up to 20 rows that break it.
    """
    broken = {
        name: [dict(row) for row in session.execute(text(rule)).mappings()]
        for name, rule in _RULES.items()
    }
    checks = [
        {"name": name, "ok": not rows, "detail": {"violations": rows}}
        for name, rows in {**broken, **discrepancies}.items()
    ]
    return {
        "checks": checks,
        "counts": _counts(session),
        "outbox_pending": count_pending(session),
    }


def _counts(session: Session) -> dict[str, Any]:
    by_currency = [dict(row) for row in session.execute(_BY_CURRENCY).mappings()]
    return {
        "payments": {row.status: row.count for row in session.execute(_BY_STATUS)},
        "captured": {row["currency"]: row["captured"] for row in by_currency},
        "refunded": {row["currency"]: row["refunded"] for row in by_currency},
        **dict(session.execute(_NUMBERS).mappings().one()),
    }
