import { useState } from "react";

import { ok, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { Badge, Empty, ErrorNote, Loading, State, When } from "../components/basics";
import { useAction, useLoad } from "../hooks";

export function Operate() {
  return (
    <>
      <h1>Operate</h1>
      <div className="columns">
        <Health />
        <Queues />
      </div>
      <Jobs />
      <DeadLetters />
      <Users />
    </>
  );
}

function Health() {
  const { api } = useApp();
  const { data, error, reload } = useLoad(
    () => ok(api.GET("/api/health", { params: { query: { probe: "all" } } })),
    "health",
  );
  return (
    <section className="card" aria-labelledby="health">
      <h2 id="health">Health</h2>
      <ErrorNote error={error} />
      {data && (
        <>
          <p>
            <State status={data.status ?? "ok"} /> version {data.version}
          </p>
          <ul className="list row">
            {Object.entries(data.probes ?? {}).map(([name, standing]) => (
              <li key={name}>
                <Badge tone={standing === "ok" ? "good" : "bad"}>
                  {name}: {standing}
                </Badge>
              </li>
            ))}
          </ul>
        </>
      )}
      <button type="button" className="quiet" onClick={reload}>
        Probe again
      </button>
    </section>
  );
}

function Queues() {
  const { api } = useApp();
  const { data, error, reload } = useLoad(async () => {
    const request = api.GET("/api/admin/metrics", { headers: { Accept: "application/json" } });
    return (await ok(request)) as unknown as Schemas["Metrics"];
  }, "metrics");
  const queues = (data?.system.queues ?? []).filter((queue) => queue.depth > 0);
  const slow = [...(data?.routes ?? [])].sort((a, b) => b.p95Ms - a.p95Ms).slice(0, 6);
  return (
    <section className="card" aria-labelledby="queues">
      <h2 id="queues">Queues and latency</h2>
      <ErrorNote error={error} />
      {data && (
        <>
          <p>
            {queues.length === 0
              ? "All queues are empty."
              : queues.map((queue) => `${queue.queue}: ${queue.depth}`).join(", ")}{" "}
            {data.system.deadLetters > 0 && <Badge tone="bad">{data.system.deadLetters} dead letters</Badge>}
          </p>
          <table>
            <thead>
              <tr>
                <th scope="col">Route</th>
                <th scope="col">p50</th>
                <th scope="col">p95</th>
              </tr>
            </thead>
            <tbody>
              {slow.map((route) => (
                <tr key={route.route}>
                  <td>{route.route}</td>
                  <td>{route.p50Ms.toFixed(0)} ms</td>
                  <td>{route.p95Ms.toFixed(0)} ms</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      <button type="button" className="quiet" onClick={reload}>
        Read again
      </button>
    </section>
  );
}

const JOB_STATES = ["", "queued", "processing", "retrying", "completed", "failed", "cancelled", "dead"] as const;

function Jobs() {
  const { api } = useApp();
  const [status, setStatus] = useState<(typeof JOB_STATES)[number]>("");
  const [chosen, setChosen] = useState<string | null>(null);
  const { data, error, loading, reload } = useLoad(
    () => ok(api.GET("/api/admin/jobs", { params: { query: { limit: 30, ...(status ? { status } : {}) } as never } })),
    status,
  );
  return (
    <section className="card" aria-labelledby="jobs">
      <h2 id="jobs">Jobs</h2>
      <div className="row">
        <label>
          State
          <select value={status} onChange={(event) => setStatus(event.target.value as typeof status)}>
            {JOB_STATES.map((one) => (
              <option key={one} value={one}>
                {one || "all"}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="quiet" onClick={reload}>
          Read again
        </button>
      </div>
      <ErrorNote error={error} />
      {!data && loading && <Loading what="jobs" />}
      {data?.items.length === 0 && <Empty>No jobs.</Empty>}
      {data && data.items.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Jobs">
          <table>
            <thead>
              <tr>
                <th scope="col">Kind</th>
                <th scope="col">State</th>
                <th scope="col">Attempt</th>
                <th scope="col">Created</th>
                <th scope="col">Details</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((job) => (
                <tr key={job.id}>
                  <td>{job.kind}</td>
                  <td>
                    <State status={job.status} />
                  </td>
                  <td>
                    {job.attempt} of {job.maxAttempts}
                  </td>
                  <td>
                    <When at={job.createdAt} />
                  </td>
                  <td>
                    <button type="button" className="quiet" onClick={() => setChosen(job.id)}>
                      Open<span className="sr"> job {job.id}</span>
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {chosen && <JobDetails key={chosen} id={chosen} onChanged={reload} />}
    </section>
  );
}

function JobDetails({ id, onChanged }: { id: string; onChanged: () => void }) {
  const { api } = useApp();
  const { data, error, reload } = useLoad(
    () => ok(api.GET("/api/admin/jobs/{id}", { params: { path: { id } } })),
    id,
  );
  const action = useAction();
  const redrive = () =>
    action.run(async () => {
      await ok(
        api.POST("/api/admin/dead-letters/{id}/redrive", {
          params: { path: { id } },
          body: { reason: "redriven from the studio page" } as never,
        }),
      );
      reload();
      onChanged();
    });
  if (error) return <ErrorNote error={error} />;
  if (!data) return <Loading what="the job" />;
  const steps: [string, string][] = [
    ["created", data.createdAt],
    ...(data.nextAttemptAt ? ([["next attempt", data.nextAttemptAt]] as [string, string][]) : []),
    [data.status, data.updatedAt],
  ];
  const waited = (Date.parse(data.updatedAt) - Date.parse(data.createdAt)) / 1000;
  return (
    <div className="details">
      <h3>{data.kind}</h3>
      <p className="small">
        {data.id}, request {data.requestId ?? "unknown"}, {waited.toFixed(1)} s from creation to the last change
      </p>
      <ol className="timeline">
        {steps.map(([name, at]) => (
          <li key={name}>
            <State status={name} /> <When at={at} />
          </li>
        ))}
      </ol>
      {data.error && <pre tabIndex={0}>{JSON.stringify(data.error, null, 2)}</pre>}
      <details>
        <summary>Payload and result</summary>
        <pre tabIndex={0}>{JSON.stringify({ payload: data.payload, result: data.result }, null, 2)}</pre>
      </details>
      {(data.status === "dead" || data.status === "failed") && (
        <button type="button" disabled={action.busy} onClick={redrive}>
          Run it again
        </button>
      )}
      <ErrorNote error={action.error} />
    </div>
  );
}

function DeadLetters() {
  const { api } = useApp();
  const { data, error, reload } = useLoad(
    () => ok(api.GET("/api/admin/dead-letters", { params: { query: { limit: 20 } } })),
    "dead-letters",
  );
  const action = useAction();
  const all = () =>
    action.run(async () => {
      await ok(api.POST("/api/admin/dead-letters/redrive", { body: { reason: "redriven from the studio page" } as never }));
      reload();
    });
  return (
    <section className="card" aria-labelledby="dead">
      <h2 id="dead">Dead letters</h2>
      <ErrorNote error={error ?? action.error} />
      {data?.items.length === 0 && <Empty>None: no job has been given up.</Empty>}
      <ul className="list">
        {data?.items.map((letter) => (
          <li key={letter.id} className="row">
            <State status={letter.status} /> {letter.kind}
            <span className="small">
              <When at={letter.updatedAt} />
            </span>
          </li>
        ))}
      </ul>
      {data && data.items.length > 0 && (
        <button type="button" disabled={action.busy} onClick={all}>
          Run all again
        </button>
      )}
    </section>
  );
}

function Users() {
  const { api } = useApp();
  const [email, setEmail] = useState("");
  const { data, error } = useLoad(
    () => ok(api.GET("/api/admin/users", { params: { query: { limit: 20, ...(email ? { email } : {}) } } })),
    email,
  );
  return (
    <section className="card" aria-labelledby="users">
      <h2 id="users">Users</h2>
      <label>
        E-mail
        <input type="email" value={email} placeholder="all" onChange={(event) => setEmail(event.target.value)} />
      </label>
      <ErrorNote error={error} />
      <div className="scroll" tabIndex={0} role="region" aria-label="Users">
        <table>
          <thead>
            <tr>
              <th scope="col">E-mail</th>
              <th scope="col">Role</th>
              <th scope="col">Shop</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {data?.items.map((user) => (
              <tr key={user.id}>
                <td>{user.email}</td>
                <td>{user.role}</td>
                <td>{user.shop}</td>
                <td>{user.disabled ? <Badge tone="bad">disabled</Badge> : <Badge tone="good">active</Badge>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
