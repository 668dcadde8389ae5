import { useState, type FormEvent } from "react";

import { useApp } from "../../app-context";
import { Awaited, CopyButton, Empty, ReadAgain } from "../../components/basics";
import type { Local } from "../../config";
import { useLoad, useRoute } from "../../hooks";
import * as tools from "../../local";

const SHOWN_APART = new Set(["at", "level", "event", "traceback", "traceId"]);

/** The log by the id of a request, job, user or trace: the lines themselves on one machine, the query for them in Azure. */
export function Logs() {
  const id = useRoute().params.get("id") ?? "";
  return <Lines key={id} id={id} />;
}

function Lines({ id }: { id: string }) {
  const { config } = useApp();
  const [wanted, setWanted] = useState(id);
  const [errors, setErrors] = useState(false);
  const find = (event: FormEvent) => {
    event.preventDefault();
    window.location.hash = `#/operate/logs?id=${encodeURIComponent(wanted.trim())}`;
  };
  return (
    <section className="card" aria-labelledby="logs">
      <h2 id="logs">Logs</h2>
      <form className="row filters" onSubmit={find}>
        <label className="grow">
          Request, job, user or trace
          <input
            type="search"
            value={wanted}
            placeholder="id, or part of it"
            onChange={(event) => setWanted(event.target.value)}
          />
        </label>
        <button type="submit">Find</button>
        {config.local && !id && (
          <label className="check">
            <input type="checkbox" checked={errors} onChange={(event) => setErrors(event.target.checked)} />
            Warnings and errors only
          </label>
        )}
      </form>
      <p className="small">Every answer names its request in the header <code>X-Request-Id</code>, every error in <code>requestId</code>.</p>
      {config.local ? <LogLines local={config.local} id={id} errors={errors} /> : <Query id={id} />}
    </section>
  );
}

/** Lines of the log: of one id oldest first, else newest first. */
export function LogLines({ local, id, errors = false }: { local: Local; id: string; errors?: boolean }) {
  const load = useLoad(() => tools.log(local, id, errors), `${id} ${errors}`);
  const { data } = load;
  const lines = id ? data?.lines : data?.lines.toReversed();
  return (
    <>
      <div className="row">
        <h3>
          {id ? "Log lines" : "Latest log lines"}
          {data && <span className="small"> {data.total}</span>}
        </h3>
        <ReadAgain load={load}>
          Read again<span className="sr">: log lines</span>
        </ReadAgain>
      </div>
      <Awaited load={load} what="log lines" />
      {lines?.length === 0 && <Empty>No lines.</Empty>}
      {lines && lines.length > 0 && (
        <ol className="log" tabIndex={0} aria-label="Log lines">
          {lines.map((line, index) => (
            <li key={index} className={line.level.toLowerCase()}>
              <span className="small">{line.at.slice(11, 23)}</span> <strong>{line.text || line.source}</strong>{" "}
              <Facts facts={line.facts} />
              {typeof line.facts["traceback"] === "string" && <pre>{line.facts["traceback"]}</pre>}
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

function Facts({ facts }: { facts: Record<string, unknown> }) {
  return Object.entries(facts)
    .filter(([name, value]) => !SHOWN_APART.has(name) && value !== null)
    .map(([name, value]) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      return (
        <span key={name} className="fact">
          <span className="small">{name}=</span>
          {name.endsWith("Id") && idOf(text) ? <a href={`#/operate/logs?id=${encodeURIComponent(idOf(text))}`}>{idOf(text)}</a> : text}{" "}
        </span>
      );
    });
}

const idOf = (text: string) => text.slice(text.lastIndexOf(":") + 1);

/** Where lines are found in Azure: the host sends them to Application Insights. */
function Query({ id }: { id: string }) {
  const text = `traces\n| where timestamp > ago(1d)${id ? ` and message contains ${JSON.stringify(id)}` : ""}\n| order by timestamp asc\n| project timestamp, severityLevel, message`;
  return (
    <>
      <p>Open Logs in Application Insights, and run this query:</p>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} label="Copy the query" />
    </>
  );
}
