/** The API, typed from its OpenAPI description. */
import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema";
import { fetchAgain, type OnSent } from "./sending";
import type { Session } from "./session";

export type Schemas = components["schemas"];
export type Api = Client<paths>;

export function createApi(apiUrl: string, session: Session): Api {
  return createClient<paths>({ baseUrl: apiUrl, fetch: session.fetch });
}

/** What the API refused, as it says it (RFC 9457). */
export class Problem extends Error {
  readonly code: string;
  readonly field: string | undefined;
  readonly requestId: string | undefined;
  readonly approvalUrl: string | undefined;
  /** A file that lists everything that is wrong. */
  readonly reportUrl: string | undefined;
  /** Whether the same request may be answered later. */
  readonly retryable: boolean;

  constructor(private readonly problem: Partial<Schemas["Problem"]>) {
    super(problem.detail ?? "The API can't be reached. Check that it runs, and try again.");
    this.code = problem.code ?? "unreachable";
    this.field = problem.field ?? undefined;
    this.requestId = problem.requestId;
    this.retryable = problem.retryable ?? problem.code === undefined;
    const address = (name: string) => {
      const given = problem.details?.[name];
      return typeof given === "string" ? given : undefined;
    };
    this.approvalUrl = address("approvalUrl");
    this.reportUrl = address("reportUrl");
  }

  /** The same in other words, where the view knows more. */
  saying(detail: string): Problem {
    return new Problem({ ...this.problem, detail });
  }
}

/** The data of an answer. Throws `Problem`. */
export async function ok<T>(call: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  let result: { data?: T; error?: unknown };
  try {
    result = await call;
  } catch {
    throw new Problem({});
  }
  if (result.error !== undefined) throw new Problem(result.error as Partial<Schemas["Problem"]>);
  return result.data as T;
}

/** `fetch` of what is beside the API. Throws `Problem` where nothing answers. */
export async function reach(url: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetchAgain(new Request(url, init));
  } catch {
    throw new Problem({ detail: `${new URL(url, window.location.href).host} can't be reached. Try it again.` });
  }
}

export type ImageKind = "person" | "garment";

/** Upload a picture as a browser's form does. */
export async function uploadImage(
  { api, session }: { api: Api; session: Session },
  file: File,
  kind: ImageKind,
  onSent: OnSent = () => undefined,
): Promise<Schemas["Image"]> {
  const form = new FormData();
  form.set("file", file);
  form.set("kind", kind);
  const answer = await ok(
    api.POST("/api/images/upload", {
      body: form as never,
      bodySerializer: (body) => body as unknown as FormData,
      fetch: session.uploading(onSent),
    }),
  );
  return answer as Schemas["Image"];
}
