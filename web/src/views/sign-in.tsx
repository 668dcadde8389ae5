import { useState, type FormEvent } from "react";

import { Problem } from "../api/client";
import { signIn } from "../api/session";
import { useApp } from "../app-context";
import { CodeField, EmailField, ErrorNote, PasswordField } from "../components/basics";
import { useAction } from "../hooks";

export function SignIn({ wanted }: { wanted: { name: string; roles: string[] } | null }) {
  const { api, session } = useApp();
  const { busy, error, run } = useAction();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const asksCode = error instanceof Problem && error.code.startsWith("second_factor");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const from = window.location.hash;
    run(async () => {
      await signIn(api, session, { email, password, code: code.trim() });
      // Who went to another view meanwhile stays there.
      if (!wanted && window.location.hash === from) window.location.hash = "#/shop";
    });
  };

  return (
    <section className="narrow">
      <h1>{wanted ? wanted.name : "Sign in"}</h1>
      {wanted && (
        <p>
          {session.user
            ? `This view is for ${wanted.roles.join(" or ")} accounts. Sign in with one of them.`
            : `${session.expired ? "Your session has ended. " : ""}Sign in to continue.`}
        </p>
      )}
      <form className="card" onSubmit={submit}>
        <EmailField value={email} onChange={setEmail} />
        <PasswordField value={password} onChange={setPassword} />
        {(asksCode || code) && (
          <CodeField
            label="Code of your authenticator app, or a recovery code"
            kind="appOrRecovery"
            required={false}
            value={code}
            onChange={setCode}
          />
        )}
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <ErrorNote error={error} />
        <p className="after">
          <a href="#/account/register">Create an account</a> or <a href="#/account/forgot">reset your password</a>.
        </p>
      </form>
    </section>
  );
}
