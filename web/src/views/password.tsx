import { useState, type FormEvent } from "react";

import { ok, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { ErrorNote, PasswordField } from "../components/basics";
import { useAction } from "../hooks";

/** A new password, by the current one: sessions elsewhere end, and this one goes on with new tokens. */
export function Password({ account, onChanged }: { account: Schemas["User"]; onChanged: () => void }) {
  const { api, session } = useApp();
  const { busy, error, run } = useAction();
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const [days, setDays] = useState(0);
  const [done, setDone] = useState(false);
  const change = (event: FormEvent) => {
    event.preventDefault();
    setDone(false);
    run(async () => {
      const password = { current, new: wanted, revokeMadeSince: daysAgo(days) };
      const { tokens } = await ok(api.PATCH("/api/auth/me", { body: { password } as never }));
      // Who signed out meanwhile stays so.
      if (tokens && session.user?.id === account.id) session.renewed(tokens);
      setCurrent("");
      setWanted("");
      setDays(0);
      setDone(true);
      onChanged();
    });
  };
  return (
    <section className="card" aria-labelledby="password">
      <h2 id="password">Password</h2>
      <form onSubmit={change}>
        <PasswordField label="Current password" value={current} onChange={setCurrent} />
        <NewPassword label="New password" value={wanted} onChange={setWanted} />
        <RevokeMadeSince days={days} onChange={setDays} />
        <p className="small">You stay signed in here; every other session ends.</p>
        <button type="submit" disabled={busy}>
          Change the password
        </button>
        {done && <p role="status" className="after">Your password is changed, and every other session was ended.</p>}
        <ErrorNote error={error} />
      </form>
    </section>
  );
}

export function NewPassword({ value, onChange, label = "Password" }: { value: string; onChange: (v: string) => void; label?: string }) {
  return (
    <label>
      {label}
      <input
        type="password"
        autoComplete="new-password"
        required
        minLength={10}
        aria-describedby="password-rule"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      <span className="small" id="password-rule">
        At least 10 characters.
      </span>
    </label>
  );
}

/** The moment this number of days ago, as the API takes it; null for 0. */
export function daysAgo(days: number): string | null {
  return days ? new Date(Date.now() - days * 86_400_000).toISOString() : null;
}

/** Whether what a thief of a session may have made ends with a new password: days back, 0 for not. */
export function RevokeMadeSince({ days, onChange }: { days: number; onChange: (days: number) => void }) {
  return (
    <label>
      API keys, webhooks and open invitations go on working; end those made or changed
      <select value={days} onChange={(event) => onChange(Number(event.target.value))}>
        <option value={0}>never: keep them</option>
        <option value={1}>since yesterday</option>
        <option value={7}>in the last week</option>
        <option value={31}>in the last month</option>
        <option value={36_500}>at any time</option>
      </select>
    </label>
  );
}
