"""The invariants of this service, checked on what is in the database now."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from chassis import clock
from chassis.messaging.outbox import count_pending

# Far beyond a claim's lease and the longest pause of a worker that is started again.
_PATIENCE = timedelta(minutes=5)

# Each check is one statement and so sees one snapshot; it returns the rows that break the rule.
_RULES = {
    "nothing_waits_too_long": """
        SELECT id::text AS message_id, state FROM messages
        WHERE state IN ('queued', 'sending') AND due_at < :late LIMIT 20""",
    "what_was_sent_has_one_accepted_call": """
        SELECT m.id::text AS message_id, count(a.id) AS calls FROM messages m
        JOIN attempts a ON a.message_id = m.id AND a.state = 'accepted'
        GROUP BY m.id HAVING count(a.id) > 1 LIMIT 20""",
    "nothing_is_being_called_for_a_message_at_rest": """
        SELECT m.id::text AS message_id FROM messages m
        JOIN attempts a ON a.message_id = m.id AND a.state = 'calling'
        WHERE m.state IN ('queued', 'sent', 'delivered', 'failed', 'expired') LIMIT 20""",
    "no_code_outlives_its_use": """
        SELECT id::text AS message_id FROM messages
        WHERE category = 'code' AND sealed IS NOT NULL
          AND state IN ('sent', 'delivered', 'cancelled') LIMIT 20""",
}
_BY_STATE = text("SELECT state, count(*) FROM messages GROUP BY state ORDER BY state")
_NUMBERS = text("""
    SELECT (SELECT count(*) FROM receipts WHERE message_id IS NULL) AS parked_receipts,
           (SELECT count(*) FROM waiting_news) AS waiting_news,
           (SELECT count(*) FROM suppressions) AS suppressions
""")


def run_audit(session: Session) -> dict[str, Any]:
    """Return checks, counts by state, and what waits."""
    late = clock.now() - _PATIENCE
    checks = []
    for name, rule in _RULES.items():
        values = {"late": late} if ":late" in rule else {}
        broken = [dict(row) for row in session.execute(text(rule), values).mappings()]
        checks.append({"name": name, "ok": not broken, "detail": {"messages": broken}})
    numbers = dict(session.execute(_NUMBERS).mappings().one())
    states = {str(state): int(count) for state, count in session.execute(_BY_STATE)}
    return {
        "checks": checks,
        "counts": {**numbers, "messages": states},
        "outbox_pending": count_pending(session),
    }
