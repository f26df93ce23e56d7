"""What the caller is told by mail, which notification-service sends."""

from sqlalchemy.orm import Session

from chassis.tasks import remote
from compute_service.models.jobs import Job

send_email = remote("notifications.send_email")


def tell_caller(session: Session, job: Job) -> None:
    """Ask for the mail with the result or the error, if and only if this transaction commits.

    The key keeps notification-service from sending twice what the broker brings twice.
    """
    if job.error is None:
        subject, text = "Your computation is done", f"{job.question} = {job.answer}"
    else:
        subject, text = "Your computation failed", f"{job.question}: {job.error['message']}"
    send_email.enqueue(
        session,
        key=f"compute.job:{job.id}",
        receivers=[job.email],
        template="notice",
        params={"subject": subject, "text": text},
    )
