from typing import Any
from uuid import UUID

from chassis.auth import login_required, principal
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.pagination import Page, PageQuery, paginate
from chassis.routing import ApiBlueprint
from compute_service.models.arithmetic import Operation
from compute_service.models.errors import JobNotFound
from compute_service.models.jobs import Job
from compute_service.schemas.jobs import JobSchema, NewJobSchema
from compute_service.services import jobs
from compute_service.services.jobs import NewJob

blp = ApiBlueprint("jobs", __name__, url_prefix="/api/compute", description="Computing")


def visible_to() -> UUID | None:
    """Return whose jobs the caller may see: their own, or None for everybody's."""
    return None if principal().is_staff else principal().user_id


@blp.route("/", methods=["POST"])
@login_required
@idempotent(required=False)
@blp.arguments(NewJobSchema)
@blp.response(202, JobSchema, message="Job accepted")
def post_job(body: dict[str, Any]) -> tuple[Job, int, dict[str, str]]:
    """Compute in the background and send a mail with the result or the error.

    `Location`, and `url` in the body, say where progress is told. With an `Idempotency-Key` a
    request that is sent again gives the same job.
    """
    with transaction() as session:
        new = NewJob(
            owner_id=principal().user_id,
            operation=Operation(body["operation"]),
            value=body["value"],
            other=body["other"],
            email=body["email"],
        )
        job = jobs.submit_job(session, new)
        return job, 202, {"Location": f"/api/compute/jobs/{job.id}"}


@blp.route("/jobs", methods=["GET"])
@login_required
@blp.arguments(PageQuery, location="query")
@blp.response(200, JobSchema(many=True), message="Jobs")
def list_jobs(query: dict[str, Any]) -> Page[Job]:
    """List jobs, newest first: one's own, or everybody's for staff."""
    with transaction() as session:
        return paginate(session, jobs.select_jobs(visible_to()), query, sort=[(Job.id, "desc")])


@blp.route("/jobs/<uuid:job_id>", methods=["GET"])
@login_required
@blp.response(200, JobSchema, message="Job")
@blp.raises(JobNotFound)
def get_job(job_id: UUID) -> Job:
    """Tell how far a job is, and its result."""
    with transaction() as session:
        return jobs.get_job(session, job_id, visible_to())
