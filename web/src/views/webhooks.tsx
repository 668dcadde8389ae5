import { useState, type FormEvent } from "react";

import { ok, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { Awaited, Badge, Choices, CopyButton, Empty, ErrorNote, State, When } from "../components/basics";
import { useAction, useLoad } from "../hooks";
import { Deliveries } from "./deliveries";

type Webhook = Schemas["Webhook"];
type Made = Schemas["WebhookWithSecret"];
type Event = Schemas["WebhookRequest"]["events"][number];

const EVENTS: Record<Event, string> = {
  "tryon.completed": "a try-on is ready",
  "tryon.failed": "a try-on failed",
  "conversion.completed": "a conversion is ready",
  "conversion.failed": "a conversion failed",
  "job.completed": "any other job has ended well",
  "job.failed": "any other job failed",
};

/** Webhooks: where this account's events are sent, the secrets that sign them, and what became of each delivery. */
export function Webhooks() {
  const { api } = useApp();
  const load = useLoad(() => ok(api.GET("/api/webhooks")), "webhooks");
  const { data, reload } = load;
  const [made, setMade] = useState<Made | null>(null);
  const { busy, error: failure, run, again } = useAction();
  const show = (webhook: Made) => {
    setMade(webhook);
    reload();
  };
  const rotate = (webhook: Webhook) => {
    if (!window.confirm(`Give ${webhook.url} a new secret? Deliveries are signed with both for a day.`)) return;
    const request = { params: { path: { id: webhook.id } }, headers: { "Idempotency-Key": crypto.randomUUID() } };
    run(async () => show(await ok(api.POST("/api/webhooks/{id}/rotate", request))));
  };
  const remove = (webhook: Webhook) => {
    if (!window.confirm(`Delete ${webhook.url}? Deliveries on their way to it fail.`)) return;
    run(async () => {
      await ok(api.DELETE("/api/webhooks/{id}", { params: { path: { id: webhook.id } } }));
      if (made?.id === webhook.id) setMade(null);
      reload();
    });
  };
  const turn = (webhook: Webhook, status: "active" | "disabled") =>
    run(async () => {
      await ok(api.PATCH("/api/webhooks/{id}", { params: { path: { id: webhook.id } }, body: { status } as never }));
      reload();
    });
  return (
    <>
      <h1>Webhooks</h1>
      {made && <Secret made={made} onClose={() => setMade(null)} />}
      <div className="columns">
        <NewWebhook onMade={show} />
        <section className="card" aria-labelledby="endpoints">
          <h2 id="endpoints">Your endpoints</h2>
          <Awaited load={load} what="endpoints" />
          <ErrorNote error={failure} again={again} />
          {data?.items.length === 0 && <Empty>No endpoints yet.</Empty>}
          <ul className="list lines">
            {data?.items.map((webhook) => (
              <li key={webhook.id}>
                <p className="row">
                  <strong>{webhook.url}</strong>
                  <State status={webhook.status} />
                </p>
                <p className="small">
                  {webhook.description && `${webhook.description}: `}
                  {webhook.events.join(", ")}
                  {webhook.disabledReason && ` (disabled because ${webhook.disabledReason})`}
                  {webhook.previousSecretUntil && (
                    <>
                      <br />
                      signed with the secret before, too, until <When at={webhook.previousSecretUntil} />
                    </>
                  )}
                </p>
                <p className="row tight">
                  <button type="button" className="quiet" disabled={busy} onClick={() => rotate(webhook)}>
                    New secret<span className="sr"> for {webhook.url}</span>
                  </button>
                  <button
                    type="button"
                    className="quiet"
                    disabled={busy}
                    onClick={() => turn(webhook, webhook.status === "active" ? "disabled" : "active")}
                  >
                    {webhook.status === "active" ? "Disable" : "Enable"}
                    <span className="sr"> {webhook.url}</span>
                  </button>
                  <button type="button" className="quiet" disabled={busy} onClick={() => remove(webhook)}>
                    Delete<span className="sr"> {webhook.url}</span>
                  </button>
                </p>
              </li>
            ))}
          </ul>
        </section>
      </div>
      <Deliveries webhooks={data?.items ?? []} />
    </>
  );
}

function NewWebhook({ onMade }: { onMade: (made: Made) => void }) {
  const { api } = useApp();
  const { busy, error, run, again } = useAction();
  const [url, setUrl] = useState("");
  const [description, setDescription] = useState("");
  const [events, setEvents] = useState<Event[]>(["tryon.completed", "tryon.failed"]);
  const create = (event: FormEvent) => {
    event.preventDefault();
    const about = description.trim();
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    run(async () => {
      const body = { url: url.trim(), events, ...(about ? { description: about } : {}) };
      onMade(await ok(api.POST("/api/webhooks", { body, headers })));
      setUrl("");
      setDescription("");
    });
  };
  return (
    <section className="card" aria-labelledby="new">
      <h2 id="new">Add an endpoint</h2>
      <form onSubmit={create}>
        <label>
          Address of your server
          <input
            type="url"
            required
            maxLength={2048}
            value={url}
            placeholder="https://shop.example.com/hooks/studio"
            onChange={(event) => setUrl(event.target.value)}
          />
        </label>
        <Choices legend="Send an event when" offered={Object.keys(EVENTS) as Event[]} chosen={events} onChange={setEvents}>
          {(name) => (
            <span>
              {EVENTS[name]} <code className="small">{name}</code>
            </span>
          )}
        </Choices>
        <label>
          Description
          <input maxLength={200} value={description} placeholder="Web shop" onChange={(event) => setDescription(event.target.value)} />
        </label>
        <button type="submit" className="primary" disabled={busy || events.length === 0}>
          {busy ? "Working…" : "Add the endpoint"}
        </button>
        <ErrorNote error={error} again={again} />
      </form>
    </section>
  );
}

/** A secret, which is shown once, and how a server checks with it that a delivery is ours. */
function Secret({ made, onClose }: { made: Made; onClose: () => void }) {
  return (
    <section className="card made" aria-labelledby="made">
      <h2 id="made">The secret of {made.url}</h2>
      <p>Copy it now: it is not shown again. With it your server checks that a delivery is from here.</p>
      <pre tabIndex={0}>
        <code>{made.secret}</code>
      </pre>
      <p className="small">
        In Python <code>verify_webhook(headers, body, secret)</code>, in TypeScript{" "}
        <code>await verifyWebhook(headers, body, secret)</code>; other languages have libraries of Standard Webhooks.
      </p>
      <div className="row">
        <CopyButton text={made.secret} label="Copy the secret" />
        <button type="button" className="quiet" onClick={onClose}>
          Done
        </button>
        {made.previousSecretUntil && <Badge tone="warn">the secret before still signs, too</Badge>}
      </div>
    </section>
  );
}
