"""CSV import: jobs that survive their worker, in chunks that are each one transaction.

The job's row says how many rows are done, and is written in the chunk's own transaction. A worker
that is killed loses one unfinished chunk; whoever goes on begins exactly there.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from chassis import clock
from chassis.base_model import new_id
from chassis.exceptions import FieldError, NotFound
from chassis.messaging import outbox
from product_service.models import Category, ImportJob, ImportStatus, Product, import_errors
from product_service.models.imports import BadRow, ImportRow
from product_service.models.search_text import search_vector
from product_service.services.product_cache import forget_products
from product_service.services.products import publish_updates
from product_service.services.stock import open_stock

RUN_IMPORT = "products.run_import"
CHUNK = 200
# The queue gives a task that runs for two minutes to another worker as well.
STEP_SECONDS = 30.0
MOST_ERRORS_SHOWN = 1_000
# What a file says of a product that exists. Its stock changes by adjustments and orders only, so
# that importing an old file again does not bring sold units back.
_IMPORTED = (
    "name", "description", "price_amount", "currency", "category_id", "attributes", "images",
    "status",
)  # fmt: skip


class ImportNotFound(NotFound):
    """There is no such import."""

    code = "products.import_not_found"


Rows = Sequence[ImportRow | BadRow]


def start_import(session: Session, source: str, *, total_rows: int, actor_id: UUID) -> ImportJob:
    """Store a file and have it worked on; the outbox sends the task after the commit."""
    job = ImportJob(
        source=source,
        status=ImportStatus.QUEUED,
        total_rows=total_rows,
        created_by=actor_id,
        heartbeat_at=clock.now(),
    )
    session.add(job)
    session.flush()
    outbox.enqueue(session, RUN_IMPORT, job_id=str(job.id))
    return job


def read_import(session: Session, job_id: UUID) -> dict[str, Any]:
    """Return a job with the first thousand of its bad rows; raises ImportNotFound."""
    job = session.get(ImportJob, job_id)
    if job is None:
        raise ImportNotFound
    errors = session.execute(
        select(import_errors.c.row_number, import_errors.c.sku, import_errors.c.errors)
        .where(import_errors.c.job_id == job_id)
        .order_by(import_errors.c.row_number)
        .limit(MOST_ERRORS_SHOWN)
    )
    return present_import(job, [row._asdict() for row in errors])


def present_import(job: ImportJob, errors: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a job as the API shows it."""
    names = (
        "id", "status", "total_rows", "processed_rows", "created_rows", "updated_rows",
        "unchanged_rows", "failed_rows", "created_at", "updated_at", "finished_at",
    )  # fmt: skip
    return {**{name: getattr(job, name) for name in names}, "errors": errors}


def read_source(session: Session, job_id: UUID) -> str | None:
    """Return the file of a job that is not finished, else None."""
    return session.scalar(select(ImportJob.source).where(ImportJob.id == job_id))


def import_chunk(session: Session, job_id: UUID, rows: Rows) -> bool:
    """Import the next rows of a job; return whether there may be more.

    rows: all rows of the file. Publishes product.updated.v1 for each product, new or different.
    Locks: the job, so that two workers take turns; one that finds it locked leaves.
    """
    job = session.scalar(
        select(ImportJob)
        .where(ImportJob.id == job_id, ImportJob.status != ImportStatus.COMPLETED)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if job is None:
        return False
    chunk = rows[job.processed_rows : job.processed_rows + CHUNK]
    bad = [row for row in chunk if isinstance(row, BadRow)]
    good = [row for row in chunk if isinstance(row, ImportRow)]
    good, lost = _resolve_categories(session, good)
    created, updated = _store(session, good, job)
    _record_errors(session, job_id, [*bad, *lost])
    _advance(job, len(chunk), created, updated, len(bad) + len(lost))
    return job.status != ImportStatus.COMPLETED


def requeue_stale_imports(session: Session, *, older_than: float) -> int:
    """Send the task again for jobs without progress for `older_than` seconds; return how many.

    Locks: the jobs that nobody is working on (SKIP LOCKED).
    """
    stale = session.scalars(
        select(ImportJob)
        .where(
            ImportJob.status != ImportStatus.COMPLETED,
            ImportJob.heartbeat_at < clock.now() - timedelta(seconds=older_than),
        )
        .with_for_update(skip_locked=True)
    ).all()
    for job in stale:
        job.heartbeat_at = clock.now()
        outbox.enqueue(session, RUN_IMPORT, job_id=str(job.id))
    return len(stale)


def _resolve_categories(
    session: Session, rows: Sequence[ImportRow]
) -> tuple[list[ImportRow], list[BadRow]]:
    slugs = {row.category for row in rows if row.category}
    # Locked against deletion, so that the foreign key holds when the products are written.
    known = session.execute(
        select(Category.slug, Category.id)
        .where(Category.slug.in_(slugs))
        .order_by(Category.id)
        .with_for_update(read=True, key_share=True)
    )
    ids = dict(known.tuples().all())
    found, lost = [], []
    for row in rows:
        if row.category and row.category not in ids:
            problem: FieldError = {"field": "category", "message": "No such category."}
            lost.append(BadRow(row.number, row.sku, [problem]))
            continue
        row.columns["category_id"] = ids[row.category] if row.category else None
        found.append(row)
    return found, lost


def _store(session: Session, rows: Sequence[ImportRow], job: ImportJob) -> tuple[int, int]:
    """Write the products of a chunk at once; return how many are new and how many differ."""
    if not rows:
        return 0, 0
    ids = {row.sku: new_id() for row in rows}
    statement = upsert(Product).values(
        [_product_row(row, ids[row.sku]) for row in sorted(rows, key=lambda row: row.sku)]
    )
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["sku"],
        set_={
            **{name: new[name] for name in (*_IMPORTED, "search")},
            "version": Product.version + 1,
            "updated_at": clock.now(),
        },
        # A row that is as it was is left alone: its version, its ETag and its readers stay.
        where=or_(*(getattr(Product, name).is_distinct_from(new[name]) for name in _IMPORTED)),
    )
    products = session.scalars(
        statement.returning(Product), execution_options={"populate_existing": True}
    ).all()
    # Whoever has the id that was made for it here is new.
    created = [product for product in products if product.id == ids[product.sku]]
    units = {row.sku: row.stock for row in rows}
    if created:
        opening = [(product.id, units[product.sku]) for product in created]
        open_stock(session, opening, job.created_by, f"import {job.id}")
    publish_updates(session, products)
    forget_products(session, [product.id for product in products])
    return len(created), len(products) - len(created)


def _product_row(row: ImportRow, product_id: UUID) -> dict[str, Any]:
    columns: Mapping[str, Any] = row.columns
    search = search_vector(row.sku, columns["name"], columns["description"], columns["attributes"])
    return {**columns, "id": product_id, "sku": row.sku, "search": search}


def _record_errors(session: Session, job_id: UUID, rows: Sequence[BadRow]) -> None:
    if not rows:
        return
    values = [
        {"job_id": job_id, "row_number": row.number, "sku": row.sku, "errors": list(row.errors)}
        for row in rows
    ]
    session.execute(insert(import_errors), values)


def _advance(job: ImportJob, seen: int, created: int, updated: int, failed: int) -> None:
    job.processed_rows += seen
    job.created_rows += created
    job.updated_rows += updated
    job.failed_rows += failed
    job.unchanged_rows += seen - created - updated - failed
    job.status = ImportStatus.RUNNING
    job.heartbeat_at = clock.now()
    if job.processed_rows >= job.total_rows:
        job.status = ImportStatus.COMPLETED
        job.finished_at = clock.now()
        job.source = None


def run_import(
    transaction: Callable[[], Any],
    job_id: UUID,
    parse: Callable[[str], Rows],
    *,
    seconds: float = STEP_SECONDS,
) -> None:
    """Work on a job until it is done, somebody else has it, or `seconds` are over.

    transaction: opens one; each chunk has its own. parse: turns the file into rows.
    A job that is not done is sent to the queue again; if that is lost, the sweep finds it.
    """
    deadline = time.monotonic() + seconds
    with transaction() as session:
        source = read_source(session, job_id)
    if source is None:
        return
    rows = parse(source)
    more = True
    while more:
        with transaction() as session:
            more = import_chunk(session, job_id, rows)
            if more and time.monotonic() > deadline:
                outbox.enqueue(session, RUN_IMPORT, job_id=str(job_id))
                return
