"""The document of a job, and the states it goes through."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared import clock
from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.errors import StudioError


class RunStatus(StrEnum):
    """The states of what a job works on: a conversion, a try-on. They follow the job's."""

    QUEUED = "queued"
    """Waits for a worker."""
    PROCESSING = "processing"
    """A worker is at work on it."""
    RETRYING = "retrying"
    """An attempt failed; another one follows."""
    COMPLETED = "completed"
    """Its result is stored."""
    FAILED = "failed"
    """It has no result, unless an administrator redrives its job."""
    CANCELLED = "cancelled"
    """Its user stopped it."""


class JobStatus(StrEnum):
    """The states of a job: those of a run, and `dead`."""

    QUEUED = "queued"
    """Waits in its queue for a worker."""
    PROCESSING = "processing"
    """A worker holds its lease."""
    RETRYING = "retrying"
    """An attempt failed; the next one starts at `next_at`."""
    COMPLETED = "completed"
    """Its result is committed."""
    FAILED = "failed"
    """It can't succeed, or an administrator discarded it."""
    CANCELLED = "cancelled"
    """Its user stopped it."""
    DEAD = "dead"
    """All attempts are used up: a dead letter, until an administrator redrives or discards it."""

    @property
    def run(self) -> RunStatus:
        """The state that what the job works on is in meanwhile: users see a dead job as failed."""
        return RunStatus.FAILED if self is JobStatus.DEAD else RunStatus(self.value)

    @classmethod
    def _missing_(cls, value: object) -> "JobStatus | None":
        # Documents written before the names were unified.
        return _FORMER.get(str(value))


_FORMER: Final[Mapping[str, JobStatus]] = {
    "running": JobStatus.PROCESSING,
    "retry_wait": JobStatus.RETRYING,
    "done": JobStatus.COMPLETED,
}

ENDED: Final = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)
OPEN: Final = (JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.RETRYING)
TERMINAL: Final = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.DEAD)
REDRIVABLE: Final = (JobStatus.FAILED, JobStatus.DEAD)


class JobId(DocumentId):
    """`job:<id>`."""

    prefix: ClassVar[str] = "job:"


class RunError(Record, frozen=True):
    """Why what a job works on failed."""

    code: str = Field(description="stable, for programs")
    message: str = Field(description="what is wrong and what to do")


class JobError(RunError, frozen=True):
    """Why an attempt, or a job, failed."""

    retryable: bool = Field(default=False, description="whether a further attempt can succeed")
    at: Timestamp | None = None

    @classmethod
    def of(cls, error: StudioError) -> Self:
        """How an error is stored."""
        return cls(code=error.code, message=error.message, retryable=error.retryable, at=clock.iso())


class JobProgress(Record, frozen=True):
    """How far the current attempt is; a step may add its own facts."""

    model_config = ConfigDict(extra="allow")

    step: str = Field(description="what is being done")
    percent: int = Field(ge=0, le=100)
    at: Timestamp


class FailedAttempt(Record, frozen=True):
    """An attempt that failed, and how long its job then waited."""

    generation: int = Field(description="which run of the job: grows with every redrive")
    attempt: int = Field(description="which attempt of that run")
    started_at: Timestamp | None
    ended_at: Timestamp
    code: str = Field(description="of the error, stable, for programs")
    message: str
    next_at: Timestamp | None = Field(default=None, description="when the next attempt was due; None: it was the last")


class Discard(Record, frozen=True):
    """Who gave up a dead job, and why."""

    by: str
    reason: str
    at: Timestamp


class JobSubject(StoredDocument, frozen=True):
    """Base of the kinds that a job can have as its subject: these fields follow the job's."""

    status: RunStatus = RunStatus.QUEUED
    error: RunError | None = Field(default=None, description="why it failed")
    updated_at: Timestamp


class Job(StoredDocument, frozen=True):
    """A unit of background work; the queue message only points at it.

    A step that writes additional fields to its jobs declares a subclass with its own `Repository`.
    """

    type: Literal["job"] = "job"
    id: JobId
    user_id: str = Field(description="whose job it is; the partition")
    kind: str = Field(description="what the job does, `convert` or `notify.email`; a label of metrics")
    queue: str = Field(description="the queue whose consumer runs it")
    status: JobStatus = JobStatus.QUEUED
    attempt: int = Field(default=0, description="attempts started in this generation")
    max_attempts: int = Field(description="attempts before the job is dead")
    generation: int = Field(default=1, description="grows with every redrive; messages of older ones are ignored")
    fence: int = Field(default=0, description="grows with every claim; only its holder may commit")
    seq: int = Field(default=0, description="grows with every change")
    cancel_requested: bool = False
    payload: dict[str, Any] = Field(default_factory=dict, description="what the worker needs: names and ids")
    subject_id: str | None = Field(default=None, description="id of the document whose `status` follows the job's")
    error_counts: dict[str, int] = Field(default_factory=dict, description="failures by error code")
    revived_by: str | None = Field(default=None, description="id of the last poison message that sent it again")
    request_id: str | None = None
    traceparent: str | None = None
    created_at: Timestamp
    updated_at: Timestamp
    due_at: float | None = Field(default=None, description="epoch seconds when the sweeper looks at it; None: ended")
    sweeps: int = Field(default=0, description="how often the sweeper sent its message again")
    lease_owner: str | None = Field(default=None, description="host, process and thread of the worker")
    lease_until: float | None = Field(
        default=None, description="epoch seconds until which the worker holds a job that is processing"
    )
    started_at: Timestamp | None = Field(default=None, description="of the first attempt of this generation")
    attempt_started_at: float | None = Field(default=None, description="epoch seconds, of the current attempt")
    next_at: float | None = Field(default=None, description="epoch seconds when a retrying job is tried again")
    waiting_since: float | None = Field(default=None, description="epoch seconds since it waits without using attempts")
    progress: JobProgress | None = None
    last_error: JobError | None = None
    failed_attempts: list[FailedAttempt] = Field(
        default_factory=list[FailedAttempt], description="the latest, oldest first"
    )
    result: dict[str, Any] | None = Field(default=None, description="small facts, no URLs")

    finished_at: Timestamp | None = None
    discarded: Discard | None = None

    @property
    def is_first_claim(self) -> bool:
        """Whether no worker has held it before this one: nothing of an earlier attempt can be there."""
        return self.fence == 1

    def payload_as[P: BaseModel](self, model: "type[P]") -> P:
        """The payload as the type that the job was made with."""
        return model.model_validate(self.payload)
