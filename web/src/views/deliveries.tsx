import { useState } from "react";

import { ok, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { Awaited, Empty, ErrorNote, Pager, ReadAgain, Said, State, Table, When } from "../components/basics";
import { useAction, useLoad, usePages } from "../hooks";

type Delivery = Schemas["Delivery"];

const ENDED = new Set<string>(["completed", "failed", "cancelled"]);
const PAGE = 20;

/** What was sent to the account's endpoints, newest first; one of them with its body and attempts. */
export function Deliveries({ webhooks }: { webhooks: Schemas["Webhook"][] }) {
  const { api } = useApp();
  const [webhookId, setWebhookId] = useState("");
  const [onlyFailed, setOnlyFailed] = useState(false);
  const pages = usePages();
  const [chosen, setChosen] = useState<string | null>(null);
  const load = useLoad(
    () =>
      ok(
        api.GET("/api/webhooks/deliveries", {
          params: {
            query: {
              limit: PAGE,
              ...(webhookId ? { webhookId } : {}),
              ...(onlyFailed ? { status: "failed" as const } : {}),
              ...pages.query,
            },
          },
        }),
      ),
    `${webhookId} ${onlyFailed} ${pages.continuation ?? ""}`,
  );
  const { data, reload } = load;
  const urls = new Map(webhooks.map((webhook) => [webhook.id, webhook.url]));
  return (
    <>
      {chosen && <Details key={chosen} id={chosen} onClose={() => setChosen(null)} onChanged={reload} />}
      <section className="card" aria-labelledby="deliveries">
        <h2 id="deliveries">Deliveries</h2>
        <div className="row filters">
          <label>
            Endpoint
            <select
              value={webhookId}
              onChange={(event) => {
                setWebhookId(event.target.value);
                pages.restart();
              }}
            >
              <option value="">all</option>
              {webhooks.map((webhook) => (
                <option key={webhook.id} value={webhook.id}>
                  {webhook.url}
                </option>
              ))}
            </select>
          </label>
          <label className="check">
            <input
              type="checkbox"
              checked={onlyFailed}
              onChange={(event) => {
                setOnlyFailed(event.target.checked);
                pages.restart();
              }}
            />
            Failed ones only
          </label>
          <ReadAgain load={load}>
            Read again<span className="sr">: deliveries</span>
          </ReadAgain>
        </div>
        <Awaited load={load} what="deliveries" />
        {data?.items.length === 0 && <Empty>Nothing was sent in the last 30 days.</Empty>}
        {data && data.items.length > 0 && (
          <Table label="Deliveries" columns={["Event", "State", "Answer", "Attempts", "Sent to", "Created"]}>
            {data.items.map((delivery) => (
              <tr key={delivery.id} aria-current={delivery.id === chosen ? "true" : undefined}>
                <td>
                  <button type="button" className="link" onClick={() => setChosen(delivery.id)}>
                    {delivery.event}
                  </button>
                </td>
                <td>
                  <State status={delivery.status} />
                </td>
                <td>{delivery.responseStatus ?? "–"}</td>
                <td>{delivery.attempts.length}</td>
                <td>{urls.get(delivery.webhookId) ?? "deleted"}</td>
                <td>
                  <When at={delivery.createdAt} />
                </td>
              </tr>
            ))}
          </Table>
        )}
        <Pager pages={pages} next={data?.continuation} />
      </section>
    </>
  );
}

function Details({ id, onClose, onChanged }: { id: string; onClose: () => void; onChanged: () => void }) {
  const { api } = useApp();
  const path = { id };
  const load = useLoad(() => ok(api.GET("/api/webhooks/deliveries/{id}", { params: { path } })), id);
  const { data, reload } = load;
  const action = useAction();
  const replay = () =>
    action.run(async () => {
      await ok(api.POST("/api/webhooks/deliveries/{id}/replay", { params: { path } }));
      reload();
      onChanged();
    });
  if (!data) return <Awaited load={load} what="the delivery" />;
  return (
    <section className="card details" aria-labelledby="delivery">
      <div className="row">
        <h2 id="delivery">{data.event}</h2>
        <State status={data.status} />
        <button type="button" className="quiet right" onClick={onClose}>
          Close<span className="sr"> the delivery</span>
        </button>
      </div>
      <Attempts delivery={data} />
      {data.error && (
        <p className="note bad">
          <Said text={data.error.message} />
        </p>
      )}
      <pre tabIndex={0}>{pretty(data.body ?? "")}</pre>
      <div className="row">
        <button type="button" disabled={action.busy || !ENDED.has(data.status)} onClick={replay}>
          Send it again
        </button>
        <ReadAgain load={load}>
          Read again<span className="sr">: the delivery</span>
        </ReadAgain>
      </div>
      <ErrorNote error={load.error} again={reload} />
      <ErrorNote error={action.error} />
    </section>
  );
}

function Attempts({ delivery }: { delivery: Delivery }) {
  return (
    <ol className="timeline">
      {delivery.attempts.map((attempt) => (
        <li key={attempt.at}>
          <When at={attempt.at} />: {attempt.status ? `answered ${attempt.status}` : (attempt.error ?? "no answer")}{" "}
          <span className="small">after {attempt.ms} ms</span>
        </li>
      ))}
    </ol>
  );
}

/** A body as it was sent, with line breaks where it is JSON. */
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
