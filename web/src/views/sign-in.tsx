import { useState, type FormEvent } from "react";

import { ok } from "../api/client";
import { useApp } from "../app-context";
import { ErrorNote } from "../components/basics";
import { useAction } from "../hooks";

export function SignIn({ wanted }: { wanted: { path: string; name: string; roles: string[] } | null }) {
  const { api, session, config } = useApp();
  const { busy, error, run } = useAction();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");

  const signIn = (credentials: { email: string; password: string }) =>
    run(async () => {
      const answer = await ok(api.POST("/api/auth/login", { body: credentials }));
      session.start(answer, answer.user);
      if (!wanted) window.location.hash = "#/try-on";
    });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn({ email, password });
  };

  return (
    <section className="narrow">
      <h1>{wanted ? wanted.name : "Sign in"}</h1>
      {wanted && (
        <p>
          {session.user
            ? `This view is for ${wanted.roles.join(" or ")} accounts. Sign in with one of them.`
            : "Sign in to continue."}
        </p>
      )}
      {config.local && (
        <div className="card">
          <h2>Local accounts</h2>
          <div className="row">
            {config.local.accounts.map((account) => (
              <button key={account.role} type="button" disabled={busy} onClick={() => signIn({ email: account.email, password: account.password })}>
                Sign in as {account.role}
              </button>
            ))}
          </div>
        </div>
      )}
      <form className="card" onSubmit={submit}>
        <label>
          E-mail
          <input
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        </label>
        <label>
          Password
          <input
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <ErrorNote error={error} />
      </form>
    </section>
  );
}
