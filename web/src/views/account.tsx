import { useEffect, useState, type FormEvent, type ReactNode } from "react";

import { ok } from "../api/client";
import { useApp, useUser } from "../app-context";
import { Awaited, Badge, EmailField, ErrorNote } from "../components/basics";
import { useAction, useLoad, useRoute } from "../hooks";
import { Email } from "./email";
import { daysAgo, NewPassword, Password, RevokeMadeSince } from "./password";
import { Personal } from "./personal";
import { Phone } from "./phone";
import { SecondFactor } from "./second-factor";
import { Sessions } from "./sessions";
import { SignIn } from "./sign-in";

const CHANNELS = { email: "by e-mail", sms: "by SMS", websocket: "on this page" } as const;

/** The account, and the pages that links in e-mails open. */
export function Account() {
  const { part, params } = useRoute();
  const user = useUser();
  const token = params.get("token") ?? "";
  switch (part) {
    case "register":
      return <Register />;
    case "forgot":
      return <Forgot />;
    case "reset-password":
      return <ResetPassword token={token} />;
    case "invitation":
      return <Invitation token={token} />;
    case "confirm-email":
      return user ? <ConfirmEmail token={token} /> : <SignIn wanted={{ name: "Confirm your e-mail address", roles: [] }} />;
    default:
      return user ? <Profile key={user.id} /> : <SignIn wanted={{ name: "Account", roles: [] }} />;
  }
}

/** A form of one action: its fields, then one button. */
function OneAction({
  title,
  button,
  done,
  act,
  children,
}: {
  title: string;
  button: string;
  /** Shown once it is done. */
  done: ReactNode;
  act: () => Promise<void>;
  children?: ReactNode;
}) {
  const { busy, error, run } = useAction();
  const [finished, setFinished] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    run(async () => {
      await act();
      setFinished(true);
    });
  };
  return (
    <section className="narrow">
      <h1>{title}</h1>
      {finished ? (
        <div className="card" role="status">
          {done}
        </div>
      ) : (
        <form className="card" onSubmit={submit}>
          {children}
          <button type="submit" className="primary" disabled={busy}>
            {button}
          </button>
          <ErrorNote error={error} />
        </form>
      )}
    </section>
  );
}

function Register() {
  const { api, session } = useApp();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [name, setName] = useState("");
  const act = async () => {
    const body = { email, password, ...(name.trim() ? { displayName: name.trim() } : {}) };
    const { tokens, user } = await ok(api.POST("/api/auth/register", { body: body as never }));
    session.start(tokens, user);
  };
  const done = (
    <>
      <p>You are signed in. A link to confirm your address is on its way to {email}.</p>
      <a className="button" href="#/try-on">
        Try something on
      </a>
    </>
  );
  return (
    <OneAction title="Create an account" button="Create the account" done={done} act={act}>
      <label>
        Name
        <input autoComplete="name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      </label>
      <EmailField value={email} onChange={setEmail} />
      <NewPassword value={password} onChange={setPassword} />
    </OneAction>
  );
}

function Forgot() {
  const { api } = useApp();
  const [email, setEmail] = useState("");
  const act = async () => {
    await ok(api.POST("/api/auth/password/forgot", { body: { email } }));
  };
  const done = <p>If {email} has an account, a link to reset its password is on its way.</p>;
  return (
    <OneAction title="Reset your password" button="Send the link" done={done} act={act}>
      <EmailField value={email} onChange={setEmail} />
    </OneAction>
  );
}

function ResetPassword({ token }: { token: string }) {
  const { api } = useApp();
  const [password, setPassword] = useState("");
  const [days, setDays] = useState(0);
  const act = async () => {
    await ok(api.POST("/api/auth/password/reset", { body: { token, password, revokeMadeSince: daysAgo(days) } }));
  };
  const done = (
    <>
      <p>Your password is changed, and every session was ended.</p>
      <a className="button" href="#/sign-in">
        Sign in
      </a>
    </>
  );
  return (
    <OneAction title="Choose a new password" button="Change the password" done={done} act={act}>
      <NewPassword label="New password" value={password} onChange={setPassword} />
      <RevokeMadeSince days={days} onChange={setDays} />
    </OneAction>
  );
}

function Invitation({ token }: { token: string }) {
  const { api } = useApp();
  const [password, setPassword] = useState("");
  const act = async () => {
    await ok(api.POST("/api/auth/invitations/accept", { body: { token, ...(password ? { password } : {}) } as never }));
  };
  const done = (
    <>
      <p>You are a member of the shop.</p>
      <a className="button" href="#/sign-in">
        Sign in
      </a>
    </>
  );
  return (
    <OneAction title="Accept the invitation" button="Accept" done={done} act={act}>
      <label>
        Password
        <input
          type="password"
          autoComplete="new-password"
          aria-describedby="invited"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <span className="small" id="invited">
          Of the account that is made for you, at least 10 characters. Leave it empty if you have an account.
        </span>
      </label>
    </OneAction>
  );
}

function ConfirmEmail({ token }: { token: string }) {
  const { api, session } = useApp();
  const act = async () => {
    const user = await ok(api.POST("/api/auth/me/email/confirm", { body: { token } }));
    session.update(user);
  };
  const done = (
    <>
      <p>Your e-mail address is confirmed. You sign in with {session.user?.email}.</p>
      <a className="button" href="#/try-on">
        Try something on
      </a>
    </>
  );
  return (
    <OneAction title="Confirm your e-mail address" button="Confirm" done={done} act={act}>
      <p>The address that this link was sent to is from now on that of your account.</p>
    </OneAction>
  );
}

function Profile() {
  const { api, session } = useApp();
  const load = useLoad(() => ok(api.GET("/api/auth/me")), "me");
  const { data, reload } = load;
  const { busy, error: failure, run } = useAction();
  const [sent, setSent] = useState(false);
  const [ended, setEnded] = useState(0);
  useEffect(() => {
    if (data) session.update(data);
  }, [data]);
  const again = () =>
    run(async () => {
      await ok(api.POST("/api/auth/me/email/confirmation"));
      setSent(true);
    });
  if (!data) return <Awaited load={load} what="the account" />;
  return (
    <>
      <h1>Account</h1>
      <ErrorNote error={load.error} again={reload} />
      <div className="columns">
        <section className="card" aria-labelledby="about">
          <h2 id="about">{data.displayName ?? data.email}</h2>
          <p className="row">
            {data.email}
            {data.emailConfirmed ? <Badge tone="good">confirmed</Badge> : <Badge tone="warn">not confirmed</Badge>}
          </p>
          <p>
            {data.role} in the shop {data.shop}
            {data.requestedRole && `; an administrator has yet to make you a ${data.requestedRole}`}
          </p>
          {!data.emailConfirmed && (
            <>
              <button type="button" disabled={busy || sent} onClick={again}>
                {sent ? "The link is on its way" : "Send the link again"}
              </button>
              <ErrorNote error={failure} />
            </>
          )}
        </section>
        <Personal account={data} onChanged={reload} />
        <Email account={data} />
        <Password account={data} onChanged={() => setEnded((count) => count + 1)} />
        <SecondFactor isOn={data.secondFactor} onChanged={reload} />
        <Phone account={data} onChanged={reload} />
        <Preferences hasPhone={data.phone !== null && data.phoneConfirmed} />
        {/* A new password ends the other sessions. */}
        <Sessions key={ended} />
      </div>
    </>
  );
}

function Preferences({ hasPhone }: { hasPhone: boolean }) {
  const { api } = useApp();
  const load = useLoad(() => ok(api.GET("/api/notifications/preferences")), "preferences");
  const { data, reload } = load;
  const { busy, error: failure, run } = useAction();
  return (
    <section className="card" aria-labelledby="tell">
      <h2 id="tell">Tell me about results</h2>
      <Awaited load={load} what="what you chose" />
      <ErrorNote error={failure} />
      {data &&
        Object.entries(CHANNELS).map(([channel, name]) => (
          <label key={channel} className="check">
            <input
              type="checkbox"
              checked={data[channel as keyof typeof CHANNELS]}
              disabled={busy}
              onChange={(event) =>
                run(async () => {
                  await ok(
                    api.PUT("/api/notifications/preferences", { body: { [channel]: event.target.checked } as never }),
                  );
                  reload();
                })
              }
            />
            <span>
              {name}
              {channel === "sms" && !hasPhone && <span className="small"> (once a phone number is confirmed)</span>}
            </span>
          </label>
        ))}
    </section>
  );
}
