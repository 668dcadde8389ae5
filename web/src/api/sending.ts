/** How requests leave the page: none waits for ever on a connection that is dead, and an upload says how much of it is sent. */

export type Send = (request: Request) => Promise<Response>;
/** How much of an upload is sent, from 0 to 1. */
export type OnSent = (share: number) => void;

/** How long a reading request waits before it is sent again after its connection failed. */
const AGAIN_MS = 300;
/** Reading takes seconds at most; a connection that broke without a word would otherwise be waited for for minutes. */
const READ_MS = 60_000;
/** A little more than Azure's front end lets a request take. */
const WRITE_MS = 240_000;
/** An upload is given up when nothing more of it was sent, or answered, for so long. */
const STALLED_MS = 90_000;

/**
 * Fetch; a request that only reads is sent once more when its connection fails, as one may that the server closed a moment
 * before. The browser itself does so only for connections that were used before.
 */
export async function fetchAgain(request: Request): Promise<Response> {
  if (request.method !== "GET") return within(WRITE_MS, request);
  const again = request.clone();
  try {
    return await within(READ_MS, request);
  } catch (error) {
    if (request.signal.aborted || error instanceof TimedOut) throw error;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    return within(READ_MS, again);
  }
}

class TimedOut extends Error {}

/** Fetch with its body; throws once that has taken too long. */
async function within(ms: number, request: Request): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new TimedOut()), ms);
  try {
    const response = await fetch(request, { signal: AbortSignal.any([request.signal, abort.signal]) });
    const body = await response.arrayBuffer();
    const { status, statusText, headers } = response;
    return new Response([204, 205, 304].includes(status) ? null : body, { status, statusText, headers });
  } finally {
    clearTimeout(timer);
  }
}

/** Fetch by the only means of a browser that says how much was sent. */
export async function upload(request: Request, onSent: OnSent): Promise<Response> {
  const body = await request.blob();
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    let timer = 0;
    const moved = () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => sending.abort(), STALLED_MS);
    };
    const broken = () => reject(new TypeError("The upload broke off."));
    sending.open(request.method, request.url);
    request.headers.forEach((value, name) => sending.setRequestHeader(name, value));
    sending.responseType = "blob";
    sending.upload.onprogress = ({ loaded, total }) => {
      moved();
      if (total > 0) onSent(loaded / total);
    };
    sending.onload = () => {
      const { status, statusText } = sending;
      const headers = { "Content-Type": sending.getResponseHeader("Content-Type") ?? "" };
      resolve(new Response(status === 204 ? null : (sending.response as Blob), { status, statusText, headers }));
    };
    sending.onerror = broken;
    sending.onabort = broken;
    sending.onloadend = () => clearTimeout(timer);
    moved();
    sending.send(body);
  });
}

/** What a button or a drop zone says while something is sent. */
export function sendingText(share: number | null): string {
  if (share === null || share === 0) return "Uploading…";
  return share < 1 ? `Uploading: ${Math.round(share * 100)} %` : "Uploaded, being checked…";
}
