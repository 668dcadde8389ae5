import { useState, type FormEvent } from "react";

import { ok, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { Badge, CodeField, CopyButton, ErrorNote, PasswordField } from "../components/basics";
import { useAction } from "../hooks";

/** The second factor: an authenticator app is connected by a code of it, and removed by the password and a code. */
export function SecondFactor({ isOn, onChanged }: { isOn: boolean; onChanged: () => void }) {
  const { api } = useApp();
  const { busy, error, run } = useAction();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [begun, setBegun] = useState<Schemas["SecondFactorSecret"] | null>(null);
  const [recovery, setRecovery] = useState<string[] | null>(null);
  const act = (event: FormEvent) => {
    event.preventDefault();
    run(async () => {
      if (isOn) {
        await ok(api.POST("/api/auth/me/second-factor/remove", { body: { password, code: code.trim() } }));
        setRecovery(null);
      } else if (begun) {
        const body = { code: code.replaceAll(" ", "") };
        const { recoveryCodes } = await ok(api.POST("/api/auth/me/second-factor/confirm", { body }));
        setRecovery(recoveryCodes);
        setBegun(null);
      } else {
        setBegun(await ok(api.POST("/api/auth/me/second-factor", { body: { password } })));
      }
      setPassword("");
      setCode("");
      onChanged();
    });
  };
  return (
    <section className="card" aria-labelledby="second">
      <h2 id="second">Second factor</h2>
      <p className="row">
        Code of an authenticator app {isOn ? <Badge tone="good">on</Badge> : <Badge>off</Badge>}
      </p>
      {recovery && <Recovery codes={recovery} onClose={() => setRecovery(null)} />}
      <form onSubmit={act}>
        {begun && <Begun secret={begun} />}
        {!begun && <PasswordField label="Password" value={password} onChange={setPassword} />}
        {(begun || isOn) && (
          <CodeField
            label={isOn ? "Code of the app, or a recovery code" : "Code that the app shows"}
            kind={isOn ? "appOrRecovery" : "app"}
            value={code}
            onChange={setCode}
          />
        )}
        <div className="row">
          <button type="submit" className={isOn ? "quiet" : ""} disabled={busy}>
            {isOn ? "Remove the second factor" : begun ? "Switch it on" : "Connect an app"}
          </button>
          {begun && (
            <button type="button" className="quiet" onClick={() => setBegun(null)}>
              Cancel
            </button>
          )}
        </div>
        <ErrorNote error={error} />
      </form>
    </section>
  );
}

/** What the app needs: on a phone a link opens it, elsewhere the key is typed. */
function Begun({ secret: { secret, uri } }: { secret: Schemas["SecondFactorSecret"] }) {
  return (
    <>
      <p>
        Add this key in your authenticator app, or <a href={uri}>open the app</a> on this device.
      </p>
      <pre tabIndex={0}>
        <code>{secret}</code>
      </pre>
      <CopyButton text={secret} label="Copy the key" />
    </>
  );
}

function Recovery({ codes, onClose }: { codes: string[]; onClose: () => void }) {
  return (
    <div role="status">
      <p>Keep these recovery codes: each signs you in once without the app, and they are not shown again.</p>
      <pre tabIndex={0}>
        <code>{codes.join("\n")}</code>
      </pre>
      <div className="row">
        <CopyButton text={codes.join("\n")} label="Copy the codes" />
        <button type="button" className="quiet" onClick={onClose}>
          Done
        </button>
      </div>
    </div>
  );
}
