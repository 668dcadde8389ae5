import { useState, type FormEvent } from "react";

import { ok } from "../api/client";
import { useApp } from "../app-context";
import { Awaited, Badge, ErrorNote, PasswordField, When } from "../components/basics";
import { useAction, useLoad } from "../hooks";

/** Ids that the API takes in one call. */
const AT_ONCE = 100;

/** Where the account is signed in: other sessions are ended with the password. */
export function Sessions() {
  const { api } = useApp();
  const load = useLoad(() => ok(api.GET("/api/auth/sessions")), "sessions");
  const { data, reload } = load;
  const [chosen, setChosen] = useState<string[]>([]);
  const [password, setPassword] = useState("");
  const [revokeMade, setRevokeMade] = useState(false);
  const [ended, setEnded] = useState(0);
  const { busy, error: failure, run } = useAction();
  const sessions = data?.items ?? [];
  const others = sessions.filter((one) => !one.current).map((one) => one.id);
  const wanted = chosen.filter((id) => others.includes(id));
  const choose = (ids: string[]) => {
    setEnded(0);
    setChosen(ids);
  };
  const end = (event: FormEvent) => {
    event.preventDefault();
    run(async () => {
      try {
        for (let start = 0; start < wanted.length; start += AT_ONCE) {
          const body = { ids: wanted.slice(start, start + AT_ONCE), password, revokeMade };
          await ok(api.POST("/api/auth/sessions/end", { body }));
        }
        setEnded(wanted.length);
        setChosen([]);
        setPassword("");
      } finally {
        // One that has ended meanwhile is why the others were refused: the list shows those that are left.
        reload();
      }
    });
  };
  return (
    <section className="card" aria-labelledby="sessions">
      <h2 id="sessions">Where you are signed in</h2>
      <Awaited load={load} what="the sessions" />
      {data && (
        <form onSubmit={end}>
          <ul className="list lines">
            {sessions.map((one) => (
              <li key={one.id}>
                <label className="check">
                  {!one.current && (
                    <input
                      type="checkbox"
                      checked={chosen.includes(one.id)}
                      onChange={(event) =>
                        choose(event.target.checked ? [...chosen, one.id] : chosen.filter((id) => id !== one.id))
                      }
                    />
                  )}
                  <span>
                    signed in <When at={one.createdAt} /> {one.current && <Badge tone="good">this session</Badge>}
                    <br />
                    <span className="small">
                      {one.refreshedAt && (
                        <>
                          last renewed <When at={one.refreshedAt} />,{" "}
                        </>
                      )}
                      ends <When at={one.expiresAt} /> if it is not used
                    </span>
                  </span>
                </label>
              </li>
            ))}
          </ul>
          {others.length > 1 && (
            <button type="button" className="quiet" onClick={() => choose(others)}>
              Choose all others
            </button>
          )}
          {others.length > 0 ? (
            <>
              <label className="check">
                <input type="checkbox" checked={revokeMade} onChange={(event) => setRevokeMade(event.target.checked)} />
                <span>Also revoke API keys made in them, disable webhooks made or changed in them, and void invitations</span>
              </label>
              <PasswordField label="Your password" value={password} onChange={setPassword} />
              <button type="submit" disabled={busy || wanted.length === 0}>
                {wanted.length > 1 ? `End ${wanted.length} sessions` : "End the chosen session"}
              </button>
            </>
          ) : (
            <p className="small">You are signed in nowhere else.</p>
          )}
          {ended > 0 && <p role="status">{ended === 1 ? "The session was ended." : `${ended} sessions were ended.`}</p>}
          <ErrorNote error={failure} />
        </form>
      )}
    </section>
  );
}
