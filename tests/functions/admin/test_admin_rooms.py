"""Administration in this process: what each act does, refuses, and leaves in the audit log."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from account_factory import add_account, add_pointer
from pydantic import ValidationError

from functions.admin import audit_log, dead_letters, jobs, users
from functions.admin.models.audit import AuditQuery
from functions.admin.models.dead_letters import DeadLettersQuery, RedriveRequest
from functions.admin.models.jobs import JobsQuery
from functions.admin.models.users import UserChange, UsersQuery
from shared import audit, clock
from shared.accounts import email
from shared.accounts.documents import Role
from shared.documents import store
from shared.errors import Conflict, NotFound
from shared.http.auth import Principal
from shared.jobs import protocol, queues
from shared.jobs.models import Job

ADMIN = Principal("root", Role.ADMIN, "t", 0.0)
QUEUE = "protocol"
pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture
def house(local: dict[str, str]) -> None:
    queues.client(QUEUE).clear_messages()
    for n, (id, role) in enumerate((("root", "admin"), ("ann", "shopper"), ("bob", "vendor"), ("cy", "shopper"))):
        account(id, role, n)


def account(id: str, role: str, n: int) -> None:
    add_pointer(add_account(id, role, display_name=id, created_at=clock.iso(clock.now() - 100 + n)))


def acts(**wanted: Any) -> list[tuple[str, str | None]]:
    """What the administrator did, the latest first."""
    found = audit_log.search_audit_log(AuditQuery.model_validate({"user_id": ADMIN.user_id, **wanted})).items
    return [(entry.action, entry.subject) for entry in found]


def make(status: str = "dead", user: str = "ann", kind: str = "test", **fields: Any) -> Job:
    job = protocol.new_job(kind, QUEUE, user, {"n": 1})
    error = {"code": "busy", "message": "busy", "retryable": True, "at": clock.iso()}
    item = {**job.to_item(), "status": status, "lastError": error, "errorCounts": {"busy": 3}, **fields}
    return protocol.jobs.load(store().create("studio", item))


def short(job: Job) -> str:
    return job.id.public


def sent() -> set[str]:
    return {json.loads(m.content)["jobId"] for m in queues.client(QUEUE).receive_messages(max_messages=32)}


def ids(page: Any) -> list[str]:
    return [item.id for item in page.items]


def test_users_are_listed_by_page_and_filter() -> None:
    first = users.list_users(UsersQuery(limit=2))
    second = users.list_users(UsersQuery(limit=2, continuation=first.continuation))
    assert ids(first) + ids(second) == ["cy", "bob", "ann", "root"]
    assert second.continuation is None
    assert ids(users.list_users(UsersQuery(role=Role.SHOPPER))) == ["cy", "ann"]
    assert ids(users.list_users(UsersQuery(email="Bob@Example.com"))) == ["bob"]
    assert ids(users.list_users(UsersQuery(email="unknown@example.com"))) == []
    users.update_user(ADMIN, "cy", UserChange(disabled=True, reason="spam"))
    assert ids(users.list_users(UsersQuery(disabled=True))) == ["cy"]
    assert "passwordHash" not in first.model_dump_json()


def test_a_role_is_changed_and_the_reason_kept() -> None:
    changed = users.update_user(ADMIN, "ann", UserChange(role=Role.MERCHANT, shop="lindenhof", reason="opened it"))
    assert (changed.role, changed.disabled) == (Role.MERCHANT, False)
    (entry,) = audit_log.search_audit_log(AuditQuery(subject="ann", action="USER_ROLE_CHANGED")).items
    assert (entry.user_id, entry.action) == ("root", "USER_ROLE_CHANGED")
    assert entry.facts == {"reason": "opened it", "before": "shopper", "after": "merchant"}
    assert store().read("accounts", "ann", "ann")["tokenVersion"] == 1


def test_disabling_ends_the_sessions_and_enabling_does_not_bring_them_back() -> None:
    users.update_user(ADMIN, "ann", UserChange(disabled=True, reason="spam"))
    users.update_user(ADMIN, "ann", UserChange(disabled=False, reason="a mistake"))
    found = store().read("accounts", "ann", "ann")
    assert (found["disabled"], found["tokenVersion"]) == (False, 2)
    assert acts() == [("USER_ENABLED", "ann"), ("USER_DISABLED", "ann")]


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": Role.SHOPPER}, {"disabled": False}])
def test_administrators_can_not_lock_themselves_out(change: dict[str, Any]) -> None:
    with pytest.raises(Conflict):
        users.update_user(ADMIN, ADMIN.user_id, UserChange(**change, reason="oops"))
    assert acts() == []


def test_an_account_that_is_being_deleted_is_left_alone() -> None:
    store().patch("accounts", "ann", "ann", set={"closedAt": 1.0, "disabled": True})
    with pytest.raises(Conflict):
        users.update_user(ADMIN, "ann", UserChange(disabled=False, reason="come back"))
    assert users.get_user(ADMIN, "ann").closing


def test_what_is_no_user_is_missing() -> None:
    pointer = f"email:{email.hash_of('ann@example.com')}"
    for id in ("unknown", pointer):
        with pytest.raises(NotFound):
            users.get_user(ADMIN, id)
        with pytest.raises((NotFound, Conflict)):
            users.update_user(ADMIN, id, UserChange(disabled=True, reason="none"))
    assert "disabled" not in store().read("accounts", pointer, pointer)


@pytest.mark.parametrize("body", [{"reason": "why"}, {"disabled": True}, {"disabled": True, "reason": " x "}])
def test_a_change_needs_something_to_change_and_a_reason(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UserChange.model_validate_json(json.dumps(body))
    assert UserChange.model_validate_json('{"role": "vendor", "reason": "sells"}').role is Role.VENDOR


def test_an_administrator_cancels_the_job_of_another() -> None:
    waiting = make("retrying", nextAt=clock.now() + 500)
    jobs.cancel_job(ADMIN, short(waiting), "not wanted any more")
    assert jobs.get_job_detail(ADMIN, short(waiting)).cancel_requested
    assert sent() == {waiting.id}
    assert ("JOB_CANCELLED", short(waiting)) in acts()
    with pytest.raises(Conflict):
        jobs.cancel_job(ADMIN, short(make("completed")), None)


def test_dead_letters_are_listed_by_state_and_kind() -> None:
    dead, other, failed = make(), make(kind="convert"), make("failed")
    make("completed")
    assert set(ids(dead_letters.list_dead_letters(DeadLettersQuery()))) == {short(dead), short(other)}
    assert ids(dead_letters.list_dead_letters(DeadLettersQuery(kind="convert"))) == [short(other)]
    assert ids(dead_letters.list_dead_letters(DeadLettersQuery(status="failed"))) == [short(failed)]


def test_a_dead_letter_shows_payload_errors_and_history() -> None:
    job = make()
    dead_letters.redrive(ADMIN, short(job), "try it")
    store().patch("studio", job.id, "ann", set={"status": "dead"})
    seen = dead_letters.get_dead_letter(ADMIN, short(job))
    assert (seen.payload, seen.error_counts, seen.generation) == ({"n": 1}, {}, 2)
    assert seen.error
    assert seen.error["code"] == "busy"
    assert "JOB_REDRIVEN" in {entry.action for entry in seen.history}
    for missing in ("nothing", short(make("completed"))):
        with pytest.raises(NotFound):
            dead_letters.get_dead_letter(ADMIN, missing)


def test_one_is_redriven() -> None:
    job = make()
    assert dead_letters.redrive(ADMIN, short(job), None).status == "queued"
    assert sent() == {job.id}
    with pytest.raises(Conflict):
        dead_letters.redrive(ADMIN, short(job), None)
    assert acts() == [("JOB_REDRIVEN", short(job))]


def test_all_are_redriven_in_bounded_calls() -> None:
    made = {make(user=f"u{n}").id for n in range(7)}
    kept = make(kind="convert")
    wanted = RedriveRequest(kind="test", limit=3, reason="the provider is back")
    answers = [dead_letters.redrive_all(ADMIN, wanted) for _ in range(3)]
    assert [answer.redriven for answer in answers] == [3, 3, 1]
    assert [answer.more for answer in answers] == [True, True, False]
    assert sent() == made
    assert protocol.load(kept.id, "ann").status == "dead"
    assert len(acts(action="JOB_REDRIVEN")) == 7


def test_a_discarded_letter_is_none_any_more_and_says_why() -> None:
    job = make()
    assert dead_letters.discard(ADMIN, short(job), "the user is gone").status == "failed"
    assert ids(dead_letters.list_dead_letters(DeadLettersQuery())) == []
    seen = dead_letters.get_dead_letter(ADMIN, short(job))
    assert seen.discarded
    assert (seen.discarded["by"], seen.discarded["reason"]) == ("root", "the user is gone")
    assert seen.error
    assert seen.error["code"] == "busy"
    with pytest.raises(Conflict):
        dead_letters.discard(ADMIN, short(job), "again")
    assert ("JOB_DISCARDED", short(job)) in acts()


def test_jobs_are_counted_and_listed_by_state() -> None:
    for status in ("queued", "processing", "retrying", "completed", "failed", "cancelled", "dead", "dead"):
        make(status, user="bob" if status == "completed" else "ann")
    assert jobs.count_jobs(None).counts == {
        "queued": 1, "processing": 1, "retrying": 1, "completed": 1, "failed": 1, "cancelled": 1, "dead": 2,
    }  # fmt: skip
    assert sum(jobs.count_jobs("convert").counts.values()) == 0
    assert len(jobs.list_jobs(JobsQuery(status="dead")).items) == 2
    (done,) = jobs.list_jobs(JobsQuery(user_id="bob")).items
    assert jobs.get_job_detail(ADMIN, done.id).payload == {"n": 1}


def test_the_audit_log_is_searched_by_user_action_subject_and_time() -> None:
    audit.record("ann", "LOGIN", ip="203.0.113.9")
    audit.record("ann", "IMAGE_UPLOADED", subject="i1")
    audit.record("bob", "LOGIN", ip="203.0.113.8")

    def found(**wanted: Any) -> list[tuple[str, str]]:
        page = audit_log.search_audit_log(AuditQuery.model_validate(wanted))
        return [(entry.user_id, entry.action) for entry in page.items]

    assert found(userId="ann") == [("ann", "IMAGE_UPLOADED"), ("ann", "LOGIN")]
    assert set(found(action="LOGIN")) == {("ann", "LOGIN"), ("bob", "LOGIN")}
    assert found(subject="i1") == [("ann", "IMAGE_UPLOADED")]
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert found(since=soon) == []
    assert len(found(until=soon)) == 3
    first = audit_log.search_audit_log(AuditQuery(limit=2))
    assert len(audit_log.search_audit_log(AuditQuery(limit=2, continuation=first.continuation)).items) == 1
