import { useState } from "react";

import { ok, type Api, type Schemas } from "../../api/client";
import { useApp } from "../../app-context";
import { Awaited, Badge, Empty, ReadAgain, State, When } from "../../components/basics";
import type { Local } from "../../config";
import { useLoad } from "../../hooks";
import { outbox, type Kept } from "../../local";

type Job = Schemas["JobSummary"];
type Channel = Kept["channel"] | "webhook";

/** Kinds of jobs that send something, and what each sends. */
const SENDING: Record<string, Channel> = {
  "notify.email": "email",
  "notify.sms": "sms",
  "notify.websocket": "websocket",
  "webhook.deliver": "webhook",
};
const NAMES: Record<Channel, string> = { email: "E-mail", sms: "SMS", websocket: "Push", webhook: "Webhook" };
const SHOWN = 50;

interface Message {
  id: string;
  channel: Channel;
  at: string;
  job: Job | null;
  jobId: string | null;
  kept: Kept | null;
}

/** What was sent to users and to webhooks, newest first; with the texts where emulators hold them. */
export function Messages() {
  const { api, config } = useApp();
  const [channel, setChannel] = useState<Channel | "">("");
  const load = useLoad(() => messages(api, config.local), "messages");
  const { data } = load;
  const shown = data?.filter((message) => !channel || message.channel === channel).slice(0, SHOWN);
  return (
    <section className="card" aria-labelledby="messages">
      <h2 id="messages">Messages</h2>
      <p className="small">
        {config.local
          ? "E-mails, SMS, pushes and webhook deliveries. The emulators keep what they are given; nothing leaves this machine."
          : "Deliveries of e-mails, SMS, pushes and webhooks. Their texts are with the user's notifications."}
      </p>
      <div className="row filters">
        <label>
          Channel
          <select value={channel} onChange={(event) => setChannel(event.target.value as Channel | "")}>
            <option value="">all</option>
            {Object.entries(NAMES).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <ReadAgain load={load} />
      </div>
      <Awaited load={load} what="messages" />
      {shown?.length === 0 && <Empty>Nothing was sent yet. A try-on that ends sends the first messages.</Empty>}
      <ul className="inbox">
        {shown?.map((message) => (
          <li key={message.id}>
            <Shown message={message} local={config.local !== undefined} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Shown({ message: { channel, at, job, jobId, kept }, local }: { message: Message; local: boolean }) {
  return (
    <article>
      <p className="row">
        <Badge>{NAMES[channel]}</Badge>
        {job && <State status={job.status} />}
        <strong>{kept?.subject || (kept ? `to ${kept.to}` : job?.kind)}</strong>
        <span className="small right">
          <When at={at} />
        </span>
      </p>
      {kept && (
        <>
          {kept.subject && <p className="small">to {kept.to}</p>}
          <p className="text">
            <Linked text={kept.text} />
          </p>
        </>
      )}
      {!kept && local && job?.status === "completed" && channel !== "webhook" && (
        <p className="small">Nothing was sent (the job's result says why), or it was sent before this start.</p>
      )}
      {typeof job?.error?.["message"] === "string" && <p className="small">{job.error["message"]}</p>}
      {jobId && (
        <a className="small" href={`#/operate/jobs?id=${encodeURIComponent(jobId)}`}>
          Job {jobId}
        </a>
      )}
    </article>
  );
}

/** A text whose addresses can be followed. */
function Linked({ text }: { text: string }) {
  return text.split(/(https?:\/\/\S+)/).map((part, index) =>
    index % 2 === 1 ? (
      <a key={index} href={part}>
        {part}
      </a>
    ) : (
      part
    ),
  );
}

async function messages(api: Api, local: Local | undefined): Promise<Message[]> {
  const [kept, ...lists] = await Promise.all([
    local ? outbox(local) : Promise.resolve([]),
    ...Object.keys(SENDING).map((kind) => ok(api.GET("/api/admin/jobs", { params: { query: { kind, limit: SHOWN } } }))),
  ]);
  const jobs = new Map(lists.flatMap((list) => list.items).map((job) => [job.id, job]));
  const found: Message[] = kept.map((one) => {
    const jobId = one.jobId ?? jobOfText(one, jobs);
    const job = jobId ? (jobs.get(jobId) ?? null) : null;
    return { id: `${one.channel}-${one.id}`, channel: one.channel, at: one.at, job, jobId, kept: one };
  });
  const named = new Set(found.map((message) => message.jobId));
  for (const job of jobs.values()) {
    const channel = SENDING[job.kind];
    if (channel && !named.has(job.id)) {
      found.push({ id: job.id, channel, at: job.updatedAt, job, jobId: job.id, kept: null });
    }
  }
  return found.sort((a, b) => b.at.localeCompare(a.at));
}

/** An SMS names no job; but its link ends with the id that the job's id contains. */
function jobOfText(kept: Kept, jobs: Map<string, Job>): string | null {
  const subject = /\/([0-9a-z]{26})\b/.exec(kept.text)?.[1];
  if (!subject) return null;
  return [...jobs.keys()].find((id) => id.includes(subject) && id.endsWith(`-${kept.channel}`)) ?? null;
}
