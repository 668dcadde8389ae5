import { useState } from "react";

import { Badge, ErrorNote } from "../components/basics";
import type { Local as LocalFacts } from "../config";
import { useAction, useLoad } from "../hooks";
import { faults, setFault, type Fault } from "../local";

const ALWAYS = { times: null };

/** What each emulator can be made to do; the first entry is that it works. */
const BEHAVIOUR: Record<string, Record<string, Fault | null>> = {
  gemini: {
    works: null,
    "takes 20 seconds": { mode: "slow", on: "generate", seconds: 20, ...ALWAYS },
    "is overloaded (503)": { mode: "503", on: "generate", ...ALWAYS },
    "refuses the picture": { mode: "image_safety", on: "generate", ...ALWAYS },
  },
  fashn: {
    works: null,
    "takes 10 seconds to answer": { mode: "slow", seconds: 10, ...ALWAYS },
    "fails every run": { mode: "failed", ...ALWAYS },
  },
  paypal: {
    works: null,
    "declines the card": { mode: "refused", on: "capture", ...ALWAYS },
    "is away (503)": { mode: "503", ...ALWAYS },
  },
  email: {
    works: null,
    "accepts, then bounces": { mode: "failed", on: "send", code: "EmailDropped", ...ALWAYS },
    "is away (503)": { mode: "503", on: "send", ...ALWAYS },
  },
  sms: {
    works: null,
    "the number has opted out": { mode: "error", on: "send", status: 400, code: 21610, ...ALWAYS },
    "is away (503)": { mode: "503", on: "send", ...ALWAYS },
  },
  webpubsub: {
    works: null,
    "takes no push (503)": { mode: "503", on: "rest", ...ALWAYS },
    "takes no connection (503)": { mode: "503", on: "connect", ...ALWAYS },
  },
};

const WHAT: Record<string, string> = {
  gemini: "Gemini, which makes pictures",
  fashn: "FASHN, which makes try-ons",
  paypal: "PayPal",
  email: "E-mail (Azure Communication Services)",
  sms: "SMS (Twilio)",
  webpubsub: "Live messages (Azure Web PubSub)",
};

/** Which providers are real on this machine, and faults that the emulated ones are asked for. */
export function Local({ local }: { local: LocalFacts }) {
  return (
    <>
      <h1>This machine</h1>
      <p>
        The app is the one that runs in Azure. Providers without a key in the environment are emulated: what they return is
        no product of the real service, and nothing leaves this machine.
      </p>
      <section className="card" aria-labelledby="providers">
        <h2 id="providers">Providers</h2>
        <ul className="list providers">
          {Object.entries(local.providers).map(([name, { emulated }]) => (
            <li key={name}>
              <h3>
                {WHAT[name] ?? name} {emulated ? <Badge tone="warn">emulated</Badge> : <Badge tone="good">real</Badge>}
              </h3>
              {emulated && BEHAVIOUR[name] && <Switch local={local} name={name} behaviour={BEHAVIOUR[name]} />}
            </li>
          ))}
        </ul>
      </section>
      <p className="after">
        What they were asked to send is under <a href="#/operate/messages">Operate, Messages</a>.
      </p>
    </>
  );
}

function Switch({
  local,
  name,
  behaviour,
}: {
  local: LocalFacts;
  name: string;
  behaviour: Record<string, Fault | null>;
}) {
  const waiting = useLoad(async () => (await faults(local, name)).faults.map((fault) => fault.options), name);
  const [chosen, setChosen] = useState<string | null>(null);
  const action = useAction();
  const planned = waiting.data?.[0];
  const known = Object.entries(behaviour).find(([, fault]) => (planned ? isSame(fault, planned) : fault === null));
  const current = chosen ?? known?.[0] ?? "another fault";
  const choose = (wanted: string) =>
    action.run(async () => {
      setChosen(wanted);
      try {
        await setFault(local, name, behaviour[wanted] ?? null);
      } finally {
        setChosen(null);
        waiting.reload();
      }
    });
  return (
    <>
      <label className={current === "works" ? "" : "faulty"}>
        <span className="sr">Behaviour of {name}</span>
        <select value={current} disabled={!waiting.data} onChange={(event) => choose(event.target.value)}>
          {!(current in behaviour) && <option>{current}</option>}
          {Object.keys(behaviour).map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <ErrorNote error={waiting.error ?? action.error} />
    </>
  );
}

const isSame = (fault: Fault | null, planned: Fault) =>
  fault !== null && Object.entries(fault).every(([name, value]) => planned[name] === value);
