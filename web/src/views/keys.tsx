import { useState, type FormEvent } from "react";

import { ok, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { Awaited, Badge, Choices, CopyButton, Empty, ErrorNote, When } from "../components/basics";
import { useAction, useLoad } from "../hooks";

type Key = Schemas["ApiKey"];
type Scope = Schemas["Scope"];

const SCOPES: Record<Scope, string> = {
  tryon: "try-ons, conversions and their pictures",
  search: "search",
  catalogue: "products and files of a vendor",
  analytics: "sales predictions",
  webhooks: "webhooks",
};
const OF_PAGES: Scope[] = ["tryon", "search"];

/** API keys: secret ones for servers, publishable ones for the widget in a shop's pages. */
export function Keys() {
  const { api } = useApp();
  const load = useLoad(() => ok(api.GET("/api/api-keys")), "keys");
  const { data, reload } = load;
  const [made, setMade] = useState<Schemas["ApiKeyWithSecret"] | null>(null);
  const { busy, error: failure, run, again } = useAction();
  const rotate = (key: Key) => {
    if (!window.confirm(`Give ${key.name} a new text? The key before stops working.`)) return;
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    run(async () => {
      setMade(await ok(api.POST("/api/api-keys/{id}/rotate", { params: { path: { id: key.id } }, headers })));
      reload();
    });
  };
  const revoke = (key: Key) => {
    if (!window.confirm(`Revoke ${key.name}? What uses it stops working.`)) return;
    run(async () => {
      await ok(api.DELETE("/api/api-keys/{id}", { params: { path: { id: key.id } } }));
      if (made?.id === key.id) setMade(null);
      reload();
    });
  };
  return (
    <>
      <h1>API keys</h1>
      {made && <Shown made={made} onClose={() => setMade(null)} />}
      <div className="columns">
        <NewKey
          onMade={(key) => {
            setMade(key);
            reload();
          }}
        />
        <section className="card" aria-labelledby="yours">
          <h2 id="yours">Your keys</h2>
          <Awaited load={load} what="keys" />
          <ErrorNote error={failure} again={again} />
          {data?.items.length === 0 && <Empty>No keys yet.</Empty>}
          <ul className="list lines">
            {data?.items.map((key) => (
              <li key={key.id}>
                <p className="row">
                  <strong>{key.name}</strong>
                  <Badge>{key.kind}</Badge>
                  <code>…{key.hint}</code>
                </p>
                <p className="small">
                  {key.scopes.join(", ")}
                  {key.origins.length > 0 && ` at ${key.origins.join(", ")}`}
                  {key.tryonsADay !== null && `, ${key.tryonsADay} try-ons a day`}
                  <br />
                  {key.lastUsedAt ? (
                    <>
                      last used <When at={key.lastUsedAt} />
                    </>
                  ) : (
                    "never used"
                  )}
                  {key.expiresAt && (
                    <>
                      , until <When at={key.expiresAt} />
                    </>
                  )}
                </p>
                <p className="row">
                  <button type="button" className="quiet" disabled={busy} onClick={() => rotate(key)}>
                    Rotate<span className="sr"> {key.name}</span>
                  </button>
                  <button type="button" className="quiet" disabled={busy} onClick={() => revoke(key)}>
                    Revoke<span className="sr"> {key.name}</span>
                  </button>
                </p>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}

function NewKey({ onMade }: { onMade: (made: Schemas["ApiKeyWithSecret"]) => void }) {
  const { api } = useApp();
  const { busy, error, run, again } = useAction();
  const [name, setName] = useState("");
  const [kind, setKind] = useState<Schemas["KeyKind"]>("secret");
  const [scopes, setScopes] = useState<Scope[]>(["tryon"]);
  const [origins, setOrigins] = useState("");
  const [limit, setLimit] = useState("");
  const [days, setDays] = useState("");
  const forPages = kind === "publishable";
  const offered = forPages ? OF_PAGES : (Object.keys(SCOPES) as Scope[]);
  const chosen = scopes.filter((scope) => offered.includes(scope));
  const create = (event: FormEvent) => {
    event.preventDefault();
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    run(async () => {
      const body = {
        name,
        kind,
        scopes: chosen,
        ...(forPages ? { origins: origins.split(/[\s,]+/).filter(Boolean) } : {}),
        ...(forPages && limit ? { tryonsADay: Number(limit) } : {}),
        ...(days ? { expiresInDays: Number(days) } : {}),
      };
      onMade(await ok(api.POST("/api/api-keys", { body: body as never, headers })));
      setName("");
    });
  };
  return (
    <section className="card" aria-labelledby="new">
      <h2 id="new">Make a key</h2>
      <form onSubmit={create}>
        <fieldset>
          <legend>For</legend>
          <label className="check">
            <input type="radio" name="kind" checked={!forPages} onChange={() => setKind("secret")} />
            a server: it is secret, and acts for this account
          </label>
          <label className="check">
            <input type="radio" name="kind" checked={forPages} onChange={() => setKind("publishable")} />
            a shop's pages: anyone may read it, the widget uses it
          </label>
        </fieldset>
        <label>
          Name
          <input required maxLength={80} value={name} placeholder="Web shop" onChange={(event) => setName(event.target.value)} />
        </label>
        <Choices legend="May be used for" offered={offered} chosen={scopes} onChange={setScopes}>
          {(scope) => SCOPES[scope]}
        </Choices>
        {forPages && (
          <>
            <label>
              Origins of the pages, one a line
              <textarea
                required
                rows={2}
                value={origins}
                placeholder="https://shop.example.com"
                onChange={(event) => setOrigins(event.target.value)}
              />
            </label>
            <label>
              Try-ons a day, of all visitors
              <input
                type="number"
                min={0}
                inputMode="numeric"
                placeholder="as the operator set it"
                value={limit}
                onChange={(event) => setLimit(event.target.value)}
              />
            </label>
          </>
        )}
        <label>
          Days until it expires
          <input
            type="number"
            min={1}
            max={3650}
            inputMode="numeric"
            placeholder="never"
            value={days}
            onChange={(event) => setDays(event.target.value)}
          />
        </label>
        <button type="submit" className="primary" disabled={busy || chosen.length === 0}>
          {busy ? "Working…" : "Make the key"}
        </button>
        <ErrorNote error={error} again={again} />
      </form>
    </section>
  );
}

/** A key's text, which is shown once; for pages with the tag that puts the widget there. */
function Shown({ made, onClose }: { made: Schemas["ApiKeyWithSecret"]; onClose: () => void }) {
  const { config } = useApp();
  const tag =
    `<script src="${window.location.origin}/widget.js" data-api="${config.apiUrl}"\n` +
    `        data-key="${made.key}" data-product="SKU" async></script>`;
  return (
    <section className="card made" aria-labelledby="made">
      <h2 id="made">The key {made.name}</h2>
      <p>Copy it now: it is not shown again.</p>
      <pre tabIndex={0}>
        <code>{made.key}</code>
      </pre>
      {made.kind === "publishable" && (
        <>
          <p>This tag puts "Try it on" beside a product's photo; SKU is the product's article number.</p>
          <pre tabIndex={0}>
            <code>{tag}</code>
          </pre>
        </>
      )}
      <div className="row">
        <CopyButton text={made.key} label="Copy the key" />
        {made.kind === "publishable" && <CopyButton text={tag} label="Copy the tag" />}
        <button type="button" className="quiet" onClick={onClose}>
          Done
        </button>
      </div>
    </section>
  );
}
