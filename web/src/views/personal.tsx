import { useState, type FormEvent } from "react";

import { ok, Problem, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { ErrorNote } from "../components/basics";
import { useAction } from "../hooks";

const LANGUAGES = ["cs", "da", "de", "en", "es", "fi", "fr", "it", "nl", "nb", "pl", "pt", "ro", "sv", "tr", "uk"];
const NAMES = new Intl.DisplayNames(["en"], { type: "language" });

/** Name and language of the account. */
export function Personal({ account, onChanged }: { account: Schemas["User"]; onChanged: () => void }) {
  const { api } = useApp();
  const { busy, error, run } = useAction();
  const [name, setName] = useState(account.displayName ?? "");
  const [language, setLanguage] = useState(account.language ?? "");
  const [saved, setSaved] = useState(false);
  const displayName = name.trim() || null;
  const isChanged = displayName !== account.displayName || (language || null) !== account.language;
  // One that was set by another program is offered, too.
  const offered = [...new Set([...LANGUAGES, ...(account.language ? [account.language] : [])])];
  const save = (event: FormEvent) => {
    event.preventDefault();
    run(async () => {
      try {
        await ok(api.PATCH("/api/auth/me", { body: { displayName, language: language || null } as never }));
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
      <h2 id="personal">Name and language</h2>
      <form onSubmit={save} onChange={() => setSaved(false)}>
        <label>
          Name
          <input autoComplete="name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
        </label>
        <label>
          Language
          <select
            aria-describedby="language-hint"
            value={language}
            onChange={(event) => setLanguage(event.target.value)}
          >
            <option value="">not said</option>
            {offered.map((code) => (
              <option key={code} value={code}>
                {NAMES.of(code) ?? code}
              </option>
            ))}
          </select>
          <span className="small" id="language-hint">
            Kept with your account. Messages are written in English so far.
          </span>
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
