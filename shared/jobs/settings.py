"""Settings of jobs."""

from typing import Final

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load

KEEP_S: Final = 90 * 24 * 3600
"""How long completed and cancelled jobs are kept, in seconds; failed and dead ones stay until an administrator acts."""


class JobSettings(SettingsGroup):
    """How often jobs are tried, and how long everything about them takes."""

    jobs_at_once: int = Field(
        default=4,
        ge=1,
        description="jobs of one user that a process runs at the same time in a lane; its further ones let those of "
        "others go first. Above `newBatchThreshold` of host.json the host takes no messages of others meanwhile",
    )
    job_max_attempts: int = Field(default=5, ge=1, description="attempts before a job is dead")
    job_lease_s: Seconds = Field(
        default=90, description="seconds for which a worker holds a job; a third of it passes between two renewals"
    )
    job_backoff_base_s: Seconds = Field(
        default=2, description="seconds before the second attempt at most; doubles with every further one"
    )
    job_backoff_cap_s: Seconds = Field(default=300, description="longest backoff in seconds")
    job_orphan_s: Seconds = Field(
        default=30, description="seconds after which the sweeper sends the message of a queued job again"
    )
    job_grace_s: Seconds = Field(
        default=15, description="seconds that a lease or a wait may be over before the sweeper acts"
    )
    job_outage_s: Seconds = Field(
        default=1800,
        description="seconds that a job goes on trying while a provider can't be reached or fails, before its attempts "
        "count",
    )
    job_operator_s: Seconds = Field(
        default=3 * 24 * 3600,
        description="seconds that a job waits for an operator to repair the account at a provider, before its attempts "
        "count",
    )


def job_settings() -> JobSettings:
    """The settings of jobs."""
    return load(JobSettings)
