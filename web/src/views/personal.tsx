import { useState, type FormEvent } from "react";

import { ok, Problem, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { ErrorNote } from "../components/basics";
import { useAction } from "../hooks";

/** The name of the account. */
export function Personal({ account, onChanged }: { account: Schemas["User"]; onChanged: () => void }) {
  const { api } = useApp();
  const { busy, error, run } = useAction();
  const [name, setName] = useState(account.displayName ?? "");
  const [saved, setSaved] = useState(false);
  const displayName = name.trim() || null;
  const isChanged = displayName !== account.displayName;
  const save = (event: FormEvent) => {
    event.preventDefault();
    run(async () => {
      try {
        await ok(api.PATCH("/api/auth/me", { body: { displayName } as never }));
      } catch (failure) {
        if (failure instanceof Problem && failure.field === "displayName")
          throw failure.saying("Write your name in letters of one alphabet, without control characters.");
        throw failure;
      }
      setSaved(true);
      onChanged();
    });
  };
  return (
    <section className="card" aria-labelledby="personal">
      <h2 id="personal">Name</h2>
      <form onSubmit={save} onChange={() => setSaved(false)}>
        <label>
          Name
          <input autoComplete="name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
        </label>
        <button type="submit" disabled={busy || !isChanged}>
          Save
        </button>
        {saved && !isChanged && <p role="status" className="after">Saved.</p>}
        <ErrorNote error={error} />
      </form>
    </section>
  );
}
