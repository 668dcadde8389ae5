import { StudioError, type Problem } from "./errors.js";

/** A longer `Retry-After`, in seconds, is for the caller to decide on. */
const LONGEST_PAUSE_S = 60;
const SAFE = new Set(["GET", "HEAD", "PUT", "DELETE"]);

/** `fetch` that repeats 429, 503 and broken connections, and throws `StudioError` for every other refusal. */
export function retrying(retries: number, timeoutMs: number): (request: Request) => Promise<Response> {
  return async (request) => {
    const repeatable = SAFE.has(request.method) || request.headers.has("Idempotency-Key");
    for (let attempt = 0; ; attempt += 1) {
      let response: Response;
      try {
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]);
        response = await fetch(request.clone(), { signal });
      } catch (error) {
        if (attempt >= retries || !repeatable || request.signal.aborted) {
          throw new StudioError({ code: "unreachable", retryable: true }, undefined, { cause: error });
        }
        await pause(2 ** attempt / 4);
        continue;
      }
      if (response.ok) return response;
      const problem = await problemOf(response);
      const after = response.headers.get("Retry-After") ?? "";
      const seconds = /^\d+$/.test(after) ? Number(after) : 2 ** attempt / 2;
      // A retryable 409 is the answer while an earlier attempt of the same key is in progress.
      const comesAgain = [429, 503].includes(response.status) || (response.status === 409 && problem.retryable === true);
      if (attempt >= retries || seconds > LONGEST_PAUSE_S || !comesAgain) {
        throw new StudioError(problem, response.status);
      }
      await pause(seconds);
    }
  };
}

async function problemOf(response: Response): Promise<Problem> {
  const found: unknown = await response.json().catch(() => null);
  const problem = typeof found === "object" && found !== null ? (found as Problem) : {};
  const requestId = problem.requestId ?? response.headers.get("X-Request-Id");
  return requestId === null ? problem : { ...problem, requestId };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
