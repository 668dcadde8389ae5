import { useState, type FormEvent } from "react";

import { ok, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { Badge, CodeField, ErrorNote } from "../components/basics";
import { useAction } from "../hooks";

/** The phone number for SMS: without a confirmed one no notification goes there. */
export function Phone({ account, onChanged }: { account: Schemas["User"]; onChanged: () => void }) {
  const { api } = useApp();
  const { busy, error, run } = useAction();
  const [number, setNumber] = useState(account.phone ?? "");
  const [code, setCode] = useState("");
  const [sent, setSent] = useState(false);
  const wanted = number.replace(/[\s()/.-]/g, "") || null;
  const isChanged = wanted !== account.phone;
  const asks = account.phone !== null && !account.phoneConfirmed && !isChanged;
  const sendCode = async () => {
    await ok(api.POST("/api/auth/me/phone/code"));
    setSent(true);
  };
  const act = (event: FormEvent) => {
    event.preventDefault();
    run(async () => {
      if (isChanged) {
        await ok(api.PATCH("/api/auth/me", { body: { phone: wanted } as never }));
        setSent(false);
        // A number that was saved is shown as such even if its code can't be sent.
        onChanged();
        if (wanted) await sendCode();
      } else if (sent) {
        await ok(api.POST("/api/auth/me/phone/confirm", { body: { code: code.trim() } }));
        setCode("");
        onChanged();
      } else await sendCode();
    });
  };
  return (
    <section className="card" aria-labelledby="phone">
      <h2 id="phone">Phone</h2>
      <form onSubmit={act}>
        <label>
          Number, with the country's code
          <input
            type="tel"
            autoComplete="tel"
            pattern="\+[0-9 \(\)\/.\-]{7,24}"
            title="Begin with + and the country's code"
            placeholder="+44 7700 900123"
            value={number}
            onChange={(event) => setNumber(event.target.value)}
          />
        </label>
        {account.phone && !isChanged && (
          <p>{account.phoneConfirmed ? <Badge tone="good">confirmed</Badge> : <Badge tone="warn">not confirmed</Badge>}</p>
        )}
        {asks && sent && (
          <CodeField label="Code from the SMS" kind="sms" value={code} onChange={setCode} />
        )}
        {(isChanged || asks) && (
          <div className="row">
            <button type="submit" disabled={busy}>
              {isChanged ? (wanted ? "Save the number" : "Remove the number") : sent ? "Confirm" : "Send a code"}
            </button>
            {asks && sent && (
              <button type="button" className="quiet" disabled={busy} onClick={() => run(sendCode)}>
                Send another code
              </button>
            )}
          </div>
        )}
        <ErrorNote error={error} />
      </form>
    </section>
  );
}
