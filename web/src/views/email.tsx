import { useState, type FormEvent } from "react";

import { ok, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { EmailField, ErrorNote, PasswordField } from "../components/basics";
import { useAction } from "../hooks";

/** Another e-mail address: it becomes the account's once the link that is sent to it is opened. */
export function Email({ account }: { account: Schemas["User"] }) {
  const { api } = useApp();
  const { busy, error, run } = useAction();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [sentTo, setSentTo] = useState<string | null>(null);
  const send = (event: FormEvent) => {
    event.preventDefault();
    setSentTo(null);
    run(async () => {
      if (email.toLowerCase() === account.email.toLowerCase()) throw new Error(`${account.email} is your address already.`);
      await ok(api.POST("/api/auth/me/email", { body: { email, password } }));
      setSentTo(email);
      setEmail("");
      setPassword("");
    });
  };
  return (
    <section className="card" aria-labelledby="email">
      <h2 id="email">Another e-mail address</h2>
      <form onSubmit={send}>
        <EmailField label="New e-mail address" autoComplete="email" value={email} onChange={setEmail} />
        <PasswordField label="Your password" value={password} onChange={setPassword} />
        <p className="small">{account.email} stays your address until you open the link that we send to the new one.</p>
        <button type="submit" disabled={busy}>
          Send the link
        </button>
        {sentTo && (
          <p role="status" className="after">
            A link is on its way to {sentTo}. Open it within two days, signed in to this account: then it is the address that
            you sign in with. If nothing arrives, look for a typing error in it, and into the spam folder.
          </p>
        )}
        <ErrorNote error={error} />
      </form>
    </section>
  );
}
