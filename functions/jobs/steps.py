"""Which step does the work of a queue. A step is imported when its first job comes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

from shared.jobs import queues
from shared.jobs.step import Step

STEPS: Final[Mapping[str, str]] = {
    queues.CONVERT: "functions.convert.worker:ConversionStep",
    queues.TRYON: "functions.tryon.service:step",
    queues.TRYON_BATCH: "functions.tryon.service:step",
    queues.SEGMENT: "functions.segment.worker:SegmentStep",
    queues.SEGMENT_BATCH: "functions.segment.worker:SegmentStep",
    queues.FASHN: "functions.fashn.worker:BackgroundStep",
    queues.FASHN_WEBHOOKS: "functions.fashn.worker:RunWebhookStep",
    queues.ANALYTICS: "functions.analytics.worker:AnalyticsStep",
    queues.DROPS: "functions.catalogue.worker:DropStep",
    queues.IMPORTS: "functions.catalogue.import_job:ImportStep",
    queues.REBUILD: "functions.search.rebuild:RebuildStep",
    queues.ACCOUNTS: "functions.auth.worker:AccountMessageStep",
    queues.PRIVACY: "functions.privacy.worker:PrivacyStep",
    queues.NOTIFY: "functions.notify.worker:NotifyStep",
    queues.WEBHOOKS: "functions.webhooks.worker:DeliveryStep",
    queues.PAYPAL: "functions.paypal_webhook.worker:EventStep",
}
"""Module and factory of the step of every queue that a job can name."""


@cache
def step_of(queue: str) -> Step:
    """The step of a queue, one per process. Raises KeyError for a queue without one."""
    module, _, name = STEPS[queue].partition(":")
    made: Step = getattr(import_module(module), name)()
    return made
