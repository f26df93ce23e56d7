"""Carries the plan out: all invoices at `concurrency`, each as a customer would."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from platform_cli.replay.plan import Invoice, Plan
from platform_cli.replay.shop import FINAL, UNSETTLED, Shop
from platform_cli.shop_client import ApiError

NOT_PLACED, REFUNDED, FAILED, STUCK = "not placed", "money back", "failed", "not final"


@dataclass(frozen=True)
class Outcome:
    """How an invoice ended: the order's state, or `not placed`, and why."""

    invoice: str
    state: str
    reason: str = ""
    order_id: str = ""
    seconds: float = 0.0


@dataclass
class Replay:
    """A running replay. speed: times the original pace; 0 is as fast as it goes.

    give_up: true of an outcome after which no further invoice is begun.
    """

    shop: Shop
    plan: Plan
    concurrency: int = 8
    speed: float = 0.0
    progress: Callable[[Outcome], None] = lambda outcome: None
    give_up: Callable[[Outcome], bool] = lambda outcome: False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _given_up: bool = False
    _tokens: dict[str, str] = field(default_factory=dict)
    _signing_in: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> float:
        """Do everything; returns the seconds from the first order to the last final state."""
        products = self.shop.offer(self.plan.goods.values())
        started = time.monotonic()
        # Cancellations refer to orders, so that they come after all of these.
        purchases = [invoice for invoice in self.plan.invoices if not invoice.cancels]
        self._all(purchases, lambda invoice: self._purchase(invoice, products))
        self._all([i for i in self.plan.invoices if i.cancels], self._cancel)
        return time.monotonic() - started

    def _all(self, invoices: list[Invoice], work: Callable[[Invoice], Outcome]) -> None:
        usable = [invoice.at for invoice in invoices if not invoice.reason]
        first, started = min(usable, default=None), time.monotonic()

        def paced(invoice: Invoice) -> None:
            if self._given_up:
                return
            if self.speed and first and not invoice.reason:
                due = (invoice.at - first).total_seconds() / self.speed
                time.sleep(max(0.0, due - (time.monotonic() - started)))
            outcome = self._guarded(invoice, work)
            with self._lock:
                self.outcomes[invoice.number] = outcome
                self._given_up = self._given_up or self.give_up(outcome)
            self.progress(outcome)

        with ThreadPoolExecutor(self.concurrency) as pool:
            list(pool.map(paced, invoices))

    def _guarded(self, invoice: Invoice, work: Callable[[Invoice], Outcome]) -> Outcome:
        if invoice.reason:
            return Outcome(invoice.number, NOT_PLACED, invoice.reason)
        try:
            return work(invoice)
        except ApiError as error:
            return Outcome(invoice.number, FAILED, str(error))

    def _purchase(self, invoice: Invoice, products: dict[str, str]) -> Outcome:
        started = time.monotonic()
        token = self._token(invoice.customer)
        order = self.shop.place(invoice, products, token)
        if order["status"] == "awaiting_payment":
            payment = self.shop.pay(order, token)
            if payment["status"] == "failed":
                return Outcome(invoice.number, FAILED, payment["failure"]["code"], order["id"])
            if payment["status"] in UNSETTLED:
                return Outcome(invoice.number, STUCK, f"payment {payment['status']}", order["id"])
        # What has been waited for in vain once is not waited for again.
        if order["status"] != "pending":
            order = self.shop.order_until(order["id"], token, lambda one: one["status"] in FINAL)
        seconds = time.monotonic() - started
        if order["status"] not in FINAL:
            reason = f"order {order['status']}"
            return Outcome(invoice.number, STUCK, reason, order["id"], seconds)
        return Outcome(invoice.number, order["status"], order["reason"] or "", order["id"], seconds)

    def _cancel(self, invoice: Invoice) -> Outcome:
        refunded = 0
        for refund in invoice.refunds:
            bought = self.outcomes[refund.invoice]
            if bought.state != "paid":
                continue
            if not self._refund(bought.order_id, refund.amount, invoice.number):
                return Outcome(invoice.number, STUCK, "the refund is not completed")
            refunded += refund.amount
        if not refunded:
            return Outcome(invoice.number, NOT_PLACED, "the order it refers to was not paid")
        return Outcome(invoice.number, REFUNDED)

    def _refund(self, order_id: str, amount: int, number: str) -> bool:
        token = self.shop.admin
        before = self.shop.order_until(order_id, token, lambda found: True)["refunded_amount"]
        self.shop.refund(order_id, amount, number)
        after = self.shop.order_until(
            order_id, token, lambda found: found["refunded_amount"] >= before + amount
        )
        return bool(after["refunded_amount"] >= before + amount)

    def _token(self, customer: str) -> str:
        with self._lock:
            lock = self._signing_in.setdefault(customer, threading.Lock())
        with lock:
            if customer not in self._tokens:
                self._tokens[customer] = self.shop.sign_in(customer)
            return self._tokens[customer]
