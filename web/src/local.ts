/** Tools of a developer's machine, beside the page: see `emulators/site/local_tools.py`. */
import { reach } from "./api/client";
import type { Local } from "./config";

export interface Fault {
  mode: string;
  on?: string;
  times: number | null;
  seconds?: number;
  [option: string]: unknown;
}

export interface LogLine {
  at: string;
  level: string;
  source: string;
  text: string;
  facts: Record<string, unknown>;
}

/** A message that an emulator took instead of delivering it. */
export interface Kept {
  id: string;
  channel: "email" | "sms" | "websocket";
  at: string;
  to: string;
  subject: string;
  text: string;
  /** Id of the job that sent it, where the message names it. */
  jobId: string | null;
}

async function ask<T>(local: Local, method: string, path: string, body?: unknown): Promise<T> {
  const response = await reach(`${local.tools}/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  if (!response.ok) throw new Error(`${path}: ${(await response.text()) || response.status}`);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const log = (local: Local, id: string, errors: boolean) =>
  ask<{ lines: LogLine[]; total: number }>(local, "GET", `log?${new URLSearchParams({ id, errors: String(errors) })}`);

export const faults = (local: Local, provider: string) =>
  ask<{ faults: { options: Fault }[] }>(local, "GET", `providers/${provider}/faults`);

/** Let a provider meet one fault until it is changed; null: none. */
export async function setFault(local: Local, provider: string, fault: Fault | null): Promise<void> {
  await ask(local, "DELETE", `providers/${provider}/faults`);
  if (fault) await ask(local, "POST", `providers/${provider}/faults`, fault);
}

interface Email {
  id: string;
  at: string;
  to: string[];
  subject: string;
  plainText: string | null;
  clientRequestId: string | null;
}
interface Sms {
  sid: string;
  date_created: string;
  to: string;
  body: string;
}
interface Push {
  at: string;
  user?: string;
  data: { type?: string; id?: string; subject?: string; text?: string };
}

/** What the emulators hold, newest first. */
export async function outbox(local: Local): Promise<Kept[]> {
  const emulated = (name: string) => local.providers[name]?.emulated ?? false;
  const held = async <T>(name: string, path: string) =>
    emulated(name) ? (await ask<{ messages: T[] }>(local, "GET", `providers/${name}/${path}`)).messages : [];
  const [emails, texts, pushes] = await Promise.all([
    held<Email>("email", "outbox"),
    held<Sms>("sms", "outbox"),
    held<Push>("webpubsub", "messages"),
  ]);
  const kept: Kept[] = [
    ...emails.map((mail) => ({
      id: mail.id,
      channel: "email" as const,
      at: mail.at,
      to: mail.to.join(", "),
      subject: mail.subject,
      text: mail.plainText ?? "",
      jobId: mail.clientRequestId,
    })),
    ...texts.map((text) => ({
      id: text.sid,
      channel: "sms" as const,
      at: new Date(text.date_created).toISOString(),
      to: text.to,
      subject: "",
      text: text.body,
      jobId: null,
    })),
    ...pushes
      .filter((push) => push.data.type === "notification")
      .map((push, index) => ({
        id: `push-${index}`,
        channel: "websocket" as const,
        at: push.at,
        to: push.user ?? "",
        subject: push.data.subject ?? "",
        text: push.data.text ?? "",
        jobId: push.data.id ?? null,
      })),
  ];
  return kept.sort((a, b) => b.at.localeCompare(a.at));
}
