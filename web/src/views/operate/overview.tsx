import { ok, type Schemas } from "../../api/client";
import { useApp } from "../../app-context";
import { Awaited, Badge, Empty, ErrorNote, ReadAgain, State, Table } from "../../components/basics";
import { useAction, useLoad } from "../../hooks";

const WINDOWS: Record<string, string> = { hour: "this hour", day: "today" };

export function Overview() {
  const { api } = useApp();
  const metrics = useLoad(async () => {
    const request = api.GET("/api/admin/metrics", { headers: { Accept: "application/json" } });
    return (await ok(request)) as unknown as Schemas["Metrics"];
  }, "metrics");
  return (
    <>
      <div className="columns">
        <Health />
        <section className="card" aria-labelledby="queues">
          <h2 id="queues">Queues</h2>
          <Awaited load={metrics} what="the queues" />
          {metrics.data && <Queues system={metrics.data.system} />}
          <ReadAgain load={metrics} />
        </section>
      </div>
      {metrics.data && <Latency routes={metrics.data.routes} />}
      <Spending />
    </>
  );
}

function Health() {
  const { api } = useApp();
  const load = useLoad(
    () => ok(api.GET("/api/health", { params: { query: { probe: "all" } } })),
    "health",
  );
  const { data } = load;
  return (
    <section className="card" aria-labelledby="health">
      <h2 id="health">Health</h2>
      <Awaited load={load} what="the probes" />
      {data && (
        <>
          <p>
            <State status={data.status ?? "ok"} /> version {data.version}
          </p>
          <ul className="list row">
            {Object.entries(data.probes ?? {}).map(([name, standing]) => (
              <li key={name}>
                <Badge tone={standing === "ok" ? "good" : "bad"}>
                  {name.replaceAll("_", " ")}: {standing}
                </Badge>
              </li>
            ))}
          </ul>
        </>
      )}
      <p className="after">
        <ReadAgain load={load}>Probe again</ReadAgain>
      </p>
    </section>
  );
}

function Queues({ system }: { system: Schemas["SystemFigures"] }) {
  const shown = system.queues.filter((queue) => queue.depth > 0 || !queue.queue.endsWith("-poison"));
  return (
    <>
      {shown.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col">Waiting</th>
              <th scope="col">Oldest</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((queue) => (
              <tr key={queue.queue}>
                <td>{queue.queue}</td>
                <td>{queue.depth}</td>
                <td>{queue.oldestAgeS === null ? "–" : `${queue.oldestAgeS.toFixed(0)} s`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p>
        {system.deadLetters > 0 ? (
          <a href="#/operate/jobs?status=dead">
            {system.deadLetters} dead {system.deadLetters === 1 ? "letter" : "letters"}
          </a>
        ) : (
          "No dead letters."
        )}
      </p>
    </>
  );
}

function Latency({ routes }: { routes: Schemas["RouteFigures"][] }) {
  const slowest = [...routes].sort((a, b) => b.p95Ms - a.p95Ms).slice(0, 12);
  return (
    <section className="card" aria-labelledby="latency">
      <h2 id="latency">Latency of routes</h2>
      <p className="small">The slowest first, since the process that answered started.</p>
      {slowest.length === 0 && <Empty>No requests yet.</Empty>}
      <Table label="Latency of routes" columns={["Route", "Requests", "p50", "p95"]}>
        {slowest.map((route) => (
          <tr key={route.route}>
            <td>{route.route}</td>
            <td>{route.requests}</td>
            <td>{route.p50Ms.toFixed(0)} ms</td>
            <td>{route.p95Ms.toFixed(0)} ms</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

/** Ceilings of what providers charge for, over all users, and a switch that pauses a kind. */
function Spending() {
  const { api } = useApp();
  const load = useLoad(() => ok(api.GET("/api/admin/spending")), "spending");
  const { data, reload } = load;
  const action = useAction();
  const pause = (kind: Schemas["Spending"], paused: boolean) =>
    action.run(async () => {
      const body = { paused, reason: "from the studio page" };
      await ok(api.PUT("/api/admin/spending/{kind}", { params: { path: { kind } }, body }));
      reload();
    });
  return (
    <section className="card" aria-labelledby="spending">
      <h2 id="spending">Spending</h2>
      <Awaited load={load} what="spending" />
      <ErrorNote error={action.error} />
      <Table label="Spending" columns={["Kind", "Spent of ceiling", "State", "Change"]}>
        {data?.items.map((item) => (
          <tr key={item.kind}>
            <td>{item.kind}</td>
            <td>
              {item.windows.map((window) => `${window.spent} of ${window.limit} ${WINDOWS[window.name] ?? window.name}`).join(", ")}
            </td>
            <td>{item.paused ? <Badge tone="warn">paused</Badge> : <Badge tone="good">on</Badge>}</td>
            <td>
              <button
                type="button"
                className="quiet"
                disabled={action.busy}
                onClick={() => pause(item.kind, !item.paused)}
              >
                {item.paused ? "Resume" : "Pause"}
                <span className="sr"> {item.kind}</span>
              </button>
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
