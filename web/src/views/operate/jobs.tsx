import { useState } from "react";

import { ok, type Schemas } from "../../api/client";
import { useApp } from "../../app-context";
import { Awaited, Empty, ErrorNote, Pager, ReadAgain, Said, State, Table, When } from "../../components/basics";
import { useAction, useEvery, useLoad, usePages, useRoute } from "../../hooks";
import { LogLines } from "./logs";

const STATES = ["queued", "processing", "retrying", "completed", "failed", "cancelled", "dead"] as const;
type Status = (typeof STATES)[number];
const ENDED = new Set<string>(["completed", "failed", "cancelled", "dead"]);
/** A job that is open is looked at this often. */
const FOLLOW_MS = 3000;
/** Ids of accounts; jobs about an address, a delivery of PayPal or the house's own work have others. */
const OF_ACCOUNT = /^[0-9a-z]{26}$/;
const REASON = "from the studio page";
/** Kinds of jobs whose subject its owner pays for. */
const PAID = new Set(["tryon", "convert"]);

export function Jobs() {
  const { api } = useApp();
  const { params } = useRoute();
  const id = params.get("id");
  const [status, setStatus] = useState<Status | "">((params.get("status") as Status | null) ?? "");
  const [kind, setKind] = useState("");
  const pages = usePages();
  const load = useLoad(
    () =>
      ok(
        api.GET("/api/admin/jobs", {
          params: {
            query: {
              limit: 20,
              ...(status ? { status } : {}),
              ...(kind ? { kind } : {}),
              ...pages.query,
            },
          },
        }),
      ),
    `${status} ${kind} ${pages.continuation ?? ""}`,
  );
  const { data, reload } = load;
  const action = useAction();
  const [redriven, setRedriven] = useState<Schemas["Redriven"] | null>(null);
  // Failed jobs of all kinds are too many different things to be run again by one click.
  const redrivable = status === "dead" || (status === "failed" && kind) ? status : null;
  const redriveAll = (wanted: "dead" | "failed") =>
    action.run(async () => {
      const body = { status: wanted, ...(kind ? { kind } : {}), limit: 200, reason: REASON };
      setRedriven(await ok(api.POST("/api/admin/dead-letters/redrive", { body })));
      reload();
    });
  return (
    <>
      {id && <JobDetails key={id} id={id} onChanged={reload} />}
      <section className="card" aria-labelledby="jobs">
        <h2 id="jobs">Jobs</h2>
        <div className="row filters">
          <label>
            State
            <select
              value={status}
              onChange={(event) => {
                setStatus(event.target.value as Status | "");
                pages.restart();
              }}
            >
              <option value="">all</option>
              {STATES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <label>
            Kind
            <input
              value={kind}
              placeholder="all, or tryon"
              onChange={(event) => {
                setKind(event.target.value.trim());
                pages.restart();
              }}
            />
          </label>
          <ReadAgain load={load} />
          {redrivable && data && data.items.length > 0 && (
            <button type="button" disabled={action.busy} onClick={() => redriveAll(redrivable)}>
              {redrivable === "dead" ? "Run all dead letters" : "Retry all failed jobs"} {kind && `of ${kind} `}
              {redrivable === "dead" && "again"}
            </button>
          )}
        </div>
        {redriven && (
          <p className="small" role="status">
            {redriven.redriven} run again
            {redriven.skipped > 0 && `, ${redriven.skipped} changed meanwhile and left`}
            {redriven.more && "; there are more"}.
          </p>
        )}
        <Awaited load={load} what="jobs" />
        <ErrorNote error={action.error} />
        {data?.items.length === 0 && <Empty>No jobs.</Empty>}
        {data && data.items.length > 0 && <JobTable jobs={data.items} chosen={id} />}
        <Pager pages={pages} next={data?.continuation} />
      </section>
    </>
  );
}

function JobTable({ jobs, chosen }: { jobs: Schemas["JobSummary"][]; chosen: string | null }) {
  return (
    <Table label="Jobs" columns={["Job", "State", "Attempt", "Error", "Changed"]}>
      {jobs.map((job) => (
        <tr key={job.id} aria-current={job.id === chosen ? "true" : undefined}>
          <td>
            <a href={`#/operate/jobs?id=${encodeURIComponent(job.id)}`}>
              {job.kind}
              <span className="sr"> job {job.id}</span>
            </a>
          </td>
          <td>
            <State status={job.status} />
          </td>
          <td>
            {job.attempt} of {job.maxAttempts}
          </td>
          <td className="small">{textOf(job.error?.["code"])}</td>
          <td>
            <When at={job.updatedAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

const textOf = (value: unknown) => (typeof value === "string" ? value : "");

function JobDetails({ id, onChanged }: { id: string; onChanged: () => void }) {
  const { api, config } = useApp();
  const path = { id };
  const load = useLoad(() => ok(api.GET("/api/admin/jobs/{id}", { params: { path } })), id);
  const { data, reload } = load;
  const action = useAction();
  const open = data !== null && !ENDED.has(data.status);
  useEvery(FOLLOW_MS, reload, open);
  const act = (call: () => Promise<unknown>) =>
    action.run(async () => {
      await call();
      reload();
      onChanged();
    });
  if (!data) return <Awaited load={load} what="the job" />;
  return (
    <section className="card details" aria-labelledby="job">
      <div className="row">
        <h2 id="job">{data.kind}</h2>
        <State status={data.status} />
        <a className="right" href="#/operate/jobs">
          Close<span className="sr"> job {data.id}</span>
        </a>
      </div>
      <Facts job={data} />
      <Timeline job={data} />
      {data.error && (
        <p className="note bad">
          <strong>{textOf(data.error["code"])}</strong> <Said text={textOf(data.error["message"])} />
        </p>
      )}
      <div className="row">
        {(data.status === "dead" || data.status === "failed") && (
          <>
            <button
              type="button"
              disabled={action.busy}
              onClick={() =>
                act(() =>
                  ok(api.POST("/api/admin/dead-letters/{id}/redrive", { params: { path, query: { reason: REASON } } })),
                )
              }
            >
              {data.status === "dead" ? "Run it again" : "Retry"}
            </button>
            {data.status === "dead" && (
              <button
                type="button"
                className="quiet"
                disabled={action.busy}
                onClick={() =>
                  act(() => ok(api.POST("/api/admin/dead-letters/{id}/discard", { params: { path }, body: { reason: REASON } })))
                }
              >
                Discard
              </button>
            )}
          </>
        )}
        {!ENDED.has(data.status) && (
          <button
            type="button"
            className="quiet"
            disabled={action.busy || data.cancelRequested}
            onClick={() =>
              act(() => ok(api.POST("/api/admin/jobs/{id}/cancel", { params: { path, query: { reason: REASON } } })))
            }
          >
            {data.cancelRequested ? "It will stop" : "Cancel"}
          </button>
        )}
        <ReadAgain load={load} />
      </div>
      {(data.status === "dead" || data.status === "failed") && (
        <p className="small after">
          The same job runs once more, as its run {data.generation + 1}.{" "}
          {data.error?.["retryable"] !== true && "It failed for good: run it again once what the error names was changed. "}
          {PAID.has(data.kind) && "A try-on that then succeeds counts in its owner's month, and never costs a credit."}
        </p>
      )}
      <ErrorNote error={load.error} again={reload} />
      <ErrorNote error={action.error} />
      <details>
        <summary>Payload and result</summary>
        <pre tabIndex={0}>{JSON.stringify({ payload: data.payload, result: data.result }, null, 2)}</pre>
      </details>
      {config.local && <LogLines local={config.local} id={data.id} />}
    </section>
  );
}

function Facts({ job }: { job: Schemas["JobDetail"] }) {
  return (
    <dl className="facts">
      <div>
        <dt>Job</dt>
        <dd>{job.id}</dd>
      </div>
      <div>
        <dt>Queue</dt>
        <dd>{job.queue}</dd>
      </div>
      <div>
        <dt>Attempt</dt>
        <dd>
          {job.attempt} of {job.maxAttempts}
          {job.generation > 1 && `, run ${job.generation}`}
        </dd>
      </div>
      <div>
        <dt>User</dt>
        <dd>
          {OF_ACCOUNT.test(job.userId) ? <a href={`#/operate/users?id=${job.userId}`}>{job.userId}</a> : job.userId}
        </dd>
      </div>
      {job.requestId && (
        <div>
          <dt>Request</dt>
          <dd>
            <a href={`#/operate/logs?id=${job.requestId}`}>{job.requestId}</a>
          </dd>
        </div>
      )}
    </dl>
  );
}

/** When the job was made, each attempt that failed and the wait after it, and how it stands. */
function Timeline({ job }: { job: Schemas["JobDetail"] }) {
  const lasted = (from: string, to: string) => `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;
  const last = job.failedAttempts.at(-1);
  // A job that was run again keeps the end of the run before.
  const since = (ENDED.has(job.status) ? job.finishedAt : null) ?? job.updatedAt;
  const began = job.failedAttempts[0]?.startedAt ?? job.startedAt;
  return (
    <ol className="timeline" aria-label="Timeline">
      <li>
        created <When at={job.createdAt} />
        {began && <span className="small"> waited {lasted(job.createdAt, began)} in the queue</span>}
      </li>
      {job.failedAttempts.map((attempt) => (
        <li key={`${attempt.generation} ${attempt.attempt} ${attempt.endedAt}`}>
          attempt {attempt.attempt}
          {attempt.generation > 1 && ` of run ${attempt.generation}`} failed <When at={attempt.endedAt} />: {attempt.code},{" "}
          {attempt.message}{" "}
          <span className="small">
            {attempt.startedAt && `after ${lasted(attempt.startedAt, attempt.endedAt)}`}
            {attempt.nextAt && `, then waited ${lasted(attempt.endedAt, attempt.nextAt)}`}
          </span>
        </li>
      ))}
      {job.nextAttemptAt && (
        <li>
          next attempt <When at={job.nextAttemptAt} />
        </li>
      )}
      {job.cancelRequested && !ENDED.has(job.status) && <li>asked to stop</li>}
      {!(last && job.status === "retrying") && (
        <li>
          {job.status} <When at={since} />{" "}
          <span className="small">{lasted(job.createdAt, since)} after it was created</span>
        </li>
      )}
    </ol>
  );
}
