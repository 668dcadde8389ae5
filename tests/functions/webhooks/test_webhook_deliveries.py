"""Outbound webhooks through the whole stack, and the worker's judgement in this process."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from quick import eventually
from receiver import Receiver, receiver

from demo.client import Client, Refused
from emulators.stack import Stack
from functions.notify.worker import NotifyStep
from functions.paypal_webhook.worker import EventStep
from functions.privacy.worker import PrivacyStep
from functions.webhooks import delivery_service, service
from functions.webhooks.change_models import WebhookChange
from functions.webhooks.delivery_models import DeliveriesQuery
from functions.webhooks.models import WebhookRequest, WebhookWithSecret
from functions.webhooks.worker import DeliveryStep
from shared import clock
from shared.accounts.documents import Role
from shared.documents import Create, store
from shared.errors import Conflict, NotFound, StudioError, Unprocessable
from shared.http.auth import Principal
from shared.jobs import protocol, queues
from shared.jobs.consumer import consume
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task
from shared.settings import forget
from shared.webhooks.publish import WebhookPublisher
from shared.webhooks.settings import MAX_ENDPOINTS

ME = Principal("me", Role.MERCHANT, "t", 0.0)
ALL = ["job.completed", "job.failed", "conversion.completed", "conversion.failed"]


@pytest.fixture
def customer() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def customer_api(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The product code in this process, allowed to call this machine; deliveries are retried immediately."""
    monkeypatch.setenv("WEBHOOK_ALLOW_HOSTS", '["127.0.0.1:*"]')
    monkeypatch.setenv("WEBHOOK_RETRY_S", "[0, 0]")
    monkeypatch.setenv("JOB_BACKOFF_BASE_S", "0")
    forget()
    for queue in ("work", queues.WEBHOOKS):
        queues.client(queue).clear_messages()


class Work(WebhookPublisher):
    """A step that ends as the test tells it."""

    def __init__(self, error: StudioError | None = None) -> None:
        self.error = error

    def run(self, task: Task) -> Outcome:
        if self.error is not None:
            raise self.error
        return Outcome(result={"made": 1})


def register(customer: Receiver, events: list[Any] | None = None) -> WebhookWithSecret:
    wanted = WebhookRequest.model_validate({"url": customer.url, "events": events or ALL})
    return service.create_webhook(ME, clock.new_id(), wanted)


def message(job: Job) -> str:
    return json.dumps(
        {"jobId": job.id, "userId": job.user_id, "generation": job.generation, "attempt": job.attempt + 1}
    )


def work(error: StudioError | None = None, queue: str = "work", subject: str | None = None) -> Job:
    job = protocol.new_job("test", queue, ME.user_id, {}, subject_id=subject)
    stored = protocol.jobs.create(job)
    consume(message(stored), Work(error))
    return protocol.load(job.id, ME.user_id)


def deliver(limit: int = 20) -> None:
    """Take the queue's messages as its consumer does, until there are none."""
    queue = queues.client(queues.WEBHOOKS)
    for _ in range(limit):
        if not queue.get_queue_properties().approximate_message_count:
            return
        for got in queue.receive_messages(max_messages=1):
            consume(got.content, DeliveryStep())
            queue.delete_message(got)


def deliveries(**wanted: Any) -> list[Any]:
    return delivery_service.list_deliveries(ME, DeliveriesQuery(**wanted)).items


def test_a_job_that_ends_is_delivered_signed_and_once(customer_api: None, customer: Receiver) -> None:
    hook = register(customer)
    job = work()
    deliver()
    (got,) = customer.got
    body = json.loads(got.body)
    assert (got.path, got.headers["content-type"]) == ("/hook?a=1", "application/json; charset=utf-8")
    assert body["type"] == "job.completed"
    assert body["data"]["jobId"] == job.id.public
    assert body["data"]["result"] == {"made": 1}
    assert got.signed_by(hook.secret)
    assert not got.signed_by("whsec_" + "A" * 44)
    assert abs(int(got.headers["webhook-timestamp"]) - clock.now()) < 60
    (delivery,) = deliveries()
    assert (delivery.status, delivery.response_status, len(delivery.attempts)) == ("completed", 204, 1)
    assert delivery_service.get_delivery(ME, delivery.id).body == got.body
    consume(message(job.model_copy(update={"attempt": 0})), Work())
    assert len(deliveries()) == 1


def test_the_news_is_part_of_the_commit(customer_api: None, customer: Receiver) -> None:
    """A commit that fails in part leaves neither the job done nor a delivery behind."""
    register(customer)
    job = protocol.jobs.create(protocol.new_job("test", "work", ME.user_id, {}))
    taken = {"id": "taken", "userId": ME.user_id, "type": "thing"}
    store().create("studio", taken)

    class Colliding(Work):
        def run(self, task: Task) -> Outcome:
            return Outcome(operations=[Create(taken)])

    consume(message(job), Colliding())
    assert [delivery.event for delivery in deliveries()] == ["job.failed"]


def test_only_events_that_were_asked_for_are_sent(customer_api: None, customer: Receiver) -> None:
    register(customer, ["conversion.failed"])
    store().create("studio", {"id": "conversion:c1", "userId": ME.user_id, "type": "conversion", "status": "queued"})
    work()
    work(Unprocessable("no", code="blocked"), subject="conversion:c1")
    deliver()
    (got,) = customer.got
    data = json.loads(got.body)["data"]
    assert (data["conversionId"], data["error"]["code"]) == ("c1", "blocked")


@pytest.mark.parametrize("step", [NotifyStep, DeliveryStep, PrivacyStep, EventStep])
def test_internal_jobs_are_no_events(customer_api: None, customer: Receiver, step: type[Step]) -> None:
    register(customer)
    job = protocol.jobs.create(protocol.new_job("test", "work", ME.user_id, {}))
    outcome = step().before_commit(job, JobStatus.COMPLETED, Outcome(), None)
    assert list(outcome.operations) == []


def test_a_failing_endpoint_is_retried_and_fails_without_a_dead_letter(customer_api: None, customer: Receiver) -> None:
    register(customer)
    customer.answers += [(500, {}), (301, {"Location": "http://127.0.0.1:1/"}), (404, {})]
    work()
    deliver()
    (delivery,) = deliveries()
    assert (delivery.status, delivery.error.code) == ("failed", "webhook_refused")
    assert [attempt.status for attempt in delivery.attempts] == [500, 301, 404]
    assert len({got.headers["webhook-id"] for got in customer.got}) == 1
    assert protocol.load(f"job:{delivery.job_id}", ME.user_id).status == "failed"


def test_an_endpoint_that_recovers_gets_its_event(customer_api: None, customer: Receiver) -> None:
    register(customer)
    customer.answers += [(503, {"Retry-After": "1"})]
    work()
    deliver()
    (delivery,) = deliveries()
    if delivery.status == "retrying":
        assert protocol.load(f"job:{delivery.job_id}", ME.user_id).next_at > clock.now() - 1
        eventually(lambda: deliver() or deliveries()[0].status == "completed", "the second attempt")
    assert len(customer.got) == 2


def test_410_disables_the_endpoint(customer_api: None, customer: Receiver) -> None:
    hook = register(customer)
    customer.answers.append((410, {}))
    work()
    deliver()
    assert service.get_webhook(ME, hook.id).status == "disabled"
    work()
    assert len(deliveries()) == 1
    with pytest.raises(Conflict):
        delivery_service.replay_delivery(ME, deliveries()[0].id, "r")
    back = service.update_webhook(ME, hook.id, WebhookChange(status="active"))
    assert (back.status, back.disabled_reason, back.url) == ("active", None, hook.url)
    delivery_service.replay_delivery(ME, deliveries()[0].id, "r")
    deliver()
    assert deliveries()[0].status == "completed"
    assert customer.got[0].headers["webhook-id"] == customer.got[1].headers["webhook-id"]


def test_a_change_leaves_the_rest_and_refuses_inward_addresses(customer_api: None, customer: Receiver) -> None:
    hook = register(customer)
    changed = service.update_webhook(ME, hook.id, WebhookChange(events=["job.failed"]))
    assert (changed.events, changed.url, changed.status) == (["job.failed"], hook.url, "active")
    with pytest.raises(Unprocessable):
        service.update_webhook(ME, hook.id, WebhookChange(url="https://10.0.0.1/x"))
    assert service.get_webhook(ME, hook.id).url == hook.url
    service.update_webhook(ME, hook.id, WebhookChange(status="disabled"))
    work()
    assert deliveries() == []


def test_an_endpoint_whose_name_resolves_to_an_internal_address_is_not_called(
    customer_api: None, customer: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(customer)
    work()
    monkeypatch.setenv("WEBHOOK_ALLOW_HOSTS", "[]")
    forget()
    deliver()
    (delivery,) = deliveries()
    assert (delivery.status, delivery.error.code) == ("failed", "webhook_url")
    assert customer.got == []


def test_rotation_signs_with_both_until_the_old_one_ends(
    customer_api: None, customer: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = register(customer)
    turned = service.rotate_secret(ME, hook.id, clock.new_id())
    assert turned.secret != hook.secret
    assert turned.previous_secret_until
    work()
    deliver()
    assert len(customer.got[0].signatures) == 2
    assert customer.got[0].signed_by(hook.secret)
    assert customer.got[0].signed_by(turned.secret)
    monkeypatch.setenv("WEBHOOK_ROTATION_HOURS", "0")
    forget()
    last = service.rotate_secret(ME, hook.id, clock.new_id())
    work()
    deliver()
    assert customer.got[1].signed_by(last.secret)
    assert not customer.got[1].signed_by(turned.secret)


def test_a_repeated_rotation_changes_the_secret_once(customer_api: None, customer: Receiver) -> None:
    hook = register(customer)
    first = service.rotate_secret(ME, hook.id, "one click")
    assert service.rotate_secret(ME, hook.id, "one click").secret == first.secret, "it broke off and is taken over"
    assert service.rotate_secret(ME, hook.id, "one click", repeated=True).secret == first.secret
    work()
    deliver()
    assert customer.got[0].signed_by(hook.secret), "the secret that the receiver still has"
    service.rotate_secret(ME, hook.id, "another click")
    with pytest.raises(Conflict) as late:
        service.rotate_secret(ME, hook.id, "one click", repeated=True)
    assert late.value.code == "webhook_changed"


def test_a_repeated_registration_makes_one_endpoint(customer_api: None, customer: Receiver) -> None:
    wanted = WebhookRequest.model_validate({"url": customer.url, "events": ALL})
    made = service.create_webhook(ME, "one", wanted)
    assert service.create_webhook(ME, "one", wanted) == made, "it broke off and is taken over"
    assert service.create_webhook(ME, "one", wanted, repeated=True) == made
    assert len(service.list_webhooks(ME).items) == 1
    service.delete_webhook(ME, "one")
    with pytest.raises(NotFound):
        service.create_webhook(ME, "one", wanted, repeated=True)


def test_a_delivery_is_replayed_with_the_same_id_and_body(customer_api: None, customer: Receiver) -> None:
    register(customer)
    work()
    deliver()
    (delivery,) = deliveries()
    again = delivery_service.replay_delivery(ME, delivery.id, "r")
    assert again.status == "queued"
    with pytest.raises(Conflict):
        delivery_service.replay_delivery(ME, delivery.id, "r")
    deliver()
    first, second = customer.got
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert [attempt.status for attempt in deliveries()[0].attempts] == [204, 204]


def test_a_deleted_endpoint_gets_nothing_and_foreign_ones_are_missing(customer_api: None, customer: Receiver) -> None:
    hook = register(customer)
    work()
    service.delete_webhook(ME, hook.id)
    deliver()
    assert customer.got == []
    assert deliveries()[0].error.code == "webhook_gone"
    stranger = Principal("stranger", Role.SHOPPER, "t", 0.0)
    for act in (service.get_webhook, service.delete_webhook):
        with pytest.raises(NotFound):
            act(stranger, hook.id)
    with pytest.raises(NotFound):
        service.rotate_secret(stranger, hook.id, clock.new_id())
    with pytest.raises(NotFound):
        delivery_service.get_delivery(stranger, deliveries()[0].id)


def test_there_is_a_limit_of_endpoints(customer_api: None, customer: Receiver) -> None:
    for _ in range(MAX_ENDPOINTS):
        register(customer)
    with pytest.raises(Conflict):
        register(customer)


def photo(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (96, 128), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def test_a_customer_is_notified_of_a_conversion(
    stack: Stack, sign_up: Callable[..., Client], customer: Receiver
) -> None:
    client = sign_up(role="merchant")
    about = secrets.token_hex(4)
    hook = client.call("POST", "webhooks", json={"url": customer.url, "events": ALL, "description": about})
    assert hook["secret"].startswith("whsec_")
    (listed,) = client.call("GET", "webhooks")["items"]
    assert (listed["id"], listed["description"]) == (hook["id"], about)
    assert "secret" not in listed
    assert "keys" not in listed
    person = client.upload(photo("tan"), "me.jpg", "person")["id"]
    cloth = client.upload(photo("navy"), "shirt.jpg", "garment")["id"]
    asked = client.call("POST", "conversions", json={"personImageId": person, "garmentImageId": cloth})
    eventually(lambda: len(customer.got) == 2, "two events")
    events = {json.loads(got.body)["type"]: json.loads(got.body)["data"] for got in customer.got}
    assert set(events) == {"job.completed", "conversion.completed"}
    assert events["conversion.completed"]["conversionId"] == asked["id"]
    done = client.call("GET", f"conversions/{asked['id']}")
    assert events["conversion.completed"]["resultImageId"] == done["resultImageId"]
    assert all(got.signed_by(hook["secret"]) for got in customer.got)

    def completed() -> list[Any] | None:
        items = client.call("GET", "webhooks/deliveries", params={"webhookId": hook["id"]})["items"]
        return items if {item["status"] for item in items} == {"completed"} else None

    first = eventually(completed, "completed deliveries")[0]
    assert client.call("GET", f"webhooks/deliveries/{first['id']}")["body"] in [got.body for got in customer.got]
    client.call("POST", f"webhooks/deliveries/{first['id']}/replay")
    eventually(lambda: len(customer.got) == 3, "the replay")
    click = {"Idempotency-Key": about}
    turned = client.call("POST", f"webhooks/{hook['id']}/rotate", headers=click)
    assert client.call("POST", f"webhooks/{hook['id']}/rotate", headers=click) == turned
    assert client.call("GET", f"webhooks/{hook['id']}")["previousSecretUntil"] == turned["previousSecretUntil"]
    stranger = sign_up()
    for method, path in (
        ("GET", f"webhooks/{hook['id']}"),
        ("DELETE", f"webhooks/{hook['id']}"),
        ("POST", f"webhooks/{hook['id']}/rotate"),
        ("GET", f"webhooks/deliveries/{first['id']}"),
        ("POST", f"webhooks/deliveries/{first['id']}/replay"),
    ):
        with pytest.raises(Refused) as refused:
            stranger.call(method, path)
        assert refused.value.status == 404
    client.call("DELETE", f"webhooks/{hook['id']}")
    assert client.call("GET", "webhooks")["items"] == []


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/metadata", "http://8.8.8.8/", "https://10.0.0.1/", "not a url"]
)
def test_a_url_inside_is_refused_over_http(stack: Stack, sign_up: Callable[..., Client], url: str) -> None:
    with pytest.raises(Refused) as refused:
        sign_up().call("POST", "webhooks", json={"url": url, "events": ["job.completed"]})
    assert (refused.value.status, refused.value.problem["code"]) == (422, "webhook_url")


def test_a_name_without_an_address_can_not_be_registered(customer_api: None) -> None:
    wanted = WebhookRequest.model_validate({"url": "https://no-such-name.invalid/", "events": ["job.failed"]})
    with pytest.raises(Unprocessable):
        service.create_webhook(ME, clock.new_id(), wanted)
