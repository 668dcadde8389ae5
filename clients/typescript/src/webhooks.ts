/** Signatures of webhook deliveries (Standard Webhooks 1.0, symmetric version `v1`), with Web Crypto. */
import { StudioError } from "./errors.js";

/** How far the time of a delivery may be from now, in seconds: an older one may be a replay by an attacker. */
const TOLERANCE_S = 300;

export interface WebhookEvent {
  type: string;
  [name: string]: unknown;
}

/**
 * The event in a delivery whose signature is right.
 *
 * @param headers of the request; names in any case.
 * @param body exactly as it was received.
 * @param secret of the endpoint: `whsec_...`.
 * @throws StudioError `webhook_headers`, `webhook_timestamp`, `webhook_signature` or `webhook_secret`.
 */
export async function verifyWebhook(
  headers: Headers | Record<string, string | string[] | undefined>,
  body: string | Uint8Array<ArrayBuffer>,
  secret: string,
): Promise<WebhookEvent> {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  const given = new Map(entries.map(([name, value]) => [name.toLowerCase(), String(value ?? "")]));
  const [id, sent, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => {
    const value = given.get(name);
    if (!value) throw refusal("webhook_headers", `the header ${name} is missing`);
    return value;
  }) as [string, string, string];
  if (!/^\d+$/.test(sent) || Math.abs(Date.now() / 1000 - Number(sent)) > TOLERANCE_S) {
    throw refusal("webhook_timestamp", `the delivery's time is not within ${TOLERANCE_S} s of now`);
  }
  const raw = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const prefix = new TextEncoder().encode(`${id}.${sent}.`);
  const signed = new Uint8Array(prefix.length + raw.length);
  signed.set(prefix);
  signed.set(raw, prefix.length);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", keyOf(secret), hmac, false, ["verify"]);
  for (const signature of signatures.split(" ")) {
    const [version, text] = signature.split(",");
    const digest = version === "v1" && text !== undefined ? decoded(text) : undefined;
    // `verify` compares in constant time.
    if (digest && (await crypto.subtle.verify(hmac, key, digest, signed))) {
      return JSON.parse(new TextDecoder().decode(raw)) as WebhookEvent;
    }
  }
  throw refusal("webhook_signature", "no signature is of this secret and body");
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = decoded(secret.replace(/^whsec_/, ""));
  if (!key?.length) throw refusal("webhook_secret", "the secret is not `whsec_` and base64");
  return key;
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function refusal(code: string, detail: string): StudioError {
  return new StudioError({ code, detail });
}
