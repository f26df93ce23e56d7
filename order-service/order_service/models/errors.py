"""What can go wrong with carts and orders, with the HTTP meaning of each."""

from chassis.exceptions import Conflict, Forbidden, NotFound, Unprocessable
from chassis.messaging.event import TerminalError


class OrderNotFound(NotFound):
    """There is no such order."""

    code = "orders.not_found"


class IllegalMove(Conflict):
    """The order's state does not allow this."""

    code = "orders.illegal_move"


class RefundExceedsPaid(Conflict):
    """The refund is larger than what is left of the payment."""

    code = "orders.refund_exceeds_paid"


class ReservationMismatch(TerminalError):
    """The reservation does not hold the lines of the order; trying again cannot help."""


class TooManyLines(Unprocessable):
    """The order has too many lines."""

    code = "orders.too_many_lines"


class QuantityTooLarge(Unprocessable):
    """The quantity of a product is too large."""

    code = "orders.quantity_too_large"


class CartEmpty(Conflict):
    """The cart is empty."""

    code = "orders.cart_empty"


class CartFull(Conflict):
    """The cart holds as many different products as it can."""

    code = "orders.cart_full"


class NotInCart(NotFound):
    """This product is not in the cart."""

    code = "orders.not_in_cart"


class ForeignFilter(Forbidden):
    """Only staff may list the orders of other customers."""

    code = "orders.foreign_filter"
