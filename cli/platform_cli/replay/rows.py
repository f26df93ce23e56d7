"""The lines of the input file: what can be used, and the reason for each line that cannot.

Format: "Online Retail", UCI Machine Learning Repository, D. Chen, 2015, doi 10.24432/C5BW33.
"""

import csv
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from io import TextIOWrapper
from pathlib import Path

COLUMNS = (
    "InvoiceNo", "StockCode", "Description", "Quantity",
    "InvoiceDate", "UnitPrice", "CustomerID", "Country",
)  # fmt: skip
# Goods have five digits and perhaps letters; POST, D, M, BANK CHARGES and the like are none.
_GOODS = re.compile(r"\d{5}[A-Za-z]{0,3}")
_DATES = ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M")


class UnusableFile(Exception):
    """The file is not in the Online Retail format; the text says why."""


@dataclass(frozen=True)
class Line:
    """One line of an invoice. quantity: negative on a cancellation. price: minor units (pence)."""

    invoice: str
    code: str
    description: str
    quantity: int
    at: datetime
    price: int
    customer: str | None

    @property
    def cancels(self) -> bool:
        """Tell whether the line belongs to a cancellation: its invoice begins with C."""
        return self.invoice.startswith("C")


@dataclass(frozen=True)
class Unusable:
    """A line that is left out. number: in the file, the header being 1."""

    number: int
    invoice: str
    reason: str


def read(path: Path) -> Iterator[Line | Unusable]:
    """Yield every line of a `.csv` or `.csv.gz` file, in order; raises UnusableFile."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as raw:
            # The published files of this data set come in UTF-8 and, elsewhere, in Latin-1.
            reader = csv.DictReader(
                TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")
            )
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise UnusableFile(f"{path.name} lacks the columns {', '.join(missing)}")
            for number, row in enumerate(reader, start=2):
                yield _line(number, row)
    except (OSError, EOFError, csv.Error) as error:
        raise UnusableFile(f"{path.name}: {error}") from error


def _line(number: int, row: dict[str, str]) -> Line | Unusable:
    invoice = (row["InvoiceNo"] or "").strip()
    code = (row["StockCode"] or "").strip().upper()

    def unusable(reason: str) -> Unusable:
        return Unusable(number, invoice, reason)

    try:
        quantity = int(row["Quantity"])
        price = int((Decimal(row["UnitPrice"]) * 100).to_integral_exact())
        at = _date(row["InvoiceDate"])
    except (ValueError, TypeError, InvalidOperation):
        return unusable("quantity, price or date is not readable")
    if not invoice:
        return unusable("no invoice number")
    if not _GOODS.fullmatch(code):
        return unusable("the code is no goods (postage, discount, manual entry)")
    if price <= 0:
        return unusable("the price is zero or negative")
    if quantity == 0 or (quantity < 0) != invoice.startswith("C"):
        return unusable("the quantity does not fit the kind of invoice")
    description = (row["Description"] or "").strip() or code
    customer = (row["CustomerID"] or "").strip().removesuffix(".0") or None
    return Line(invoice, code, description, quantity, at, price, customer)


def _date(text: str) -> datetime:
    for form in _DATES:
        try:
            return datetime.strptime(text.strip(), form)
        except ValueError:
            continue
    raise ValueError(text)
