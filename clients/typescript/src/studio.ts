import createClient, { type Client } from "openapi-fetch";

import { StudioError } from "./errors.js";
import { pagesOf, type Filters, type Item, type ListPath } from "./pages.js";
import type { components, paths } from "./schema.js";
import { retrying } from "./transport.js";

type Schemas = components["schemas"];

/** Seconds that the API holds a request for a change of a job. */
const WAIT_S = 20;
/** Files whose URLs are asked for together: few enough to be uploaded before the URLs expire. */
const DROPPED_AT_ONCE = 20;
const PARALLEL_UPLOADS = 4;

export interface StudioOptions {
  /** For example `https://api.example.com`, without `/api`. */
  apiUrl: string;
  /** A key with the scopes of what is called. */
  apiKey: string;
  /** Further attempts after 429 or 503 (as `Retry-After` says), or a broken connection; 4 by default. */
  retries?: number;
  /** Milliseconds after which an attempt is given up; 60,000 by default. */
  timeoutMs?: number;
}

export interface SubscribeOptions {
  /** Called with the job after every change. */
  onUpdate?: (job: Schemas["Job"]) => void;
  /** Milliseconds after which to stop following; the try-on goes on. 600,000 by default. */
  timeoutMs?: number;
}

export interface Studio {
  /** Every route, typed; refusals throw `StudioError`. */
  api: Client<paths>;
  /** Upload a picture: JPEG, PNG, WebP, AVIF or HEIC. */
  upload(file: Blob, kind: "person" | "garment", name?: string): Promise<Schemas["Image"]>;
  /**
   * Upload photos (`SKU.jpg`) and metadata (`SKU.json`) of products to the vendor's folder, and return the names that are
   * refused with the reasons. What becomes of an uploaded file is seen in `pages("/api/drops")`.
   */
  drop(files: Iterable<{ name: string; content: Blob }>): Promise<Map<string, Schemas["DropError"]>>;
  /** Create a try-on, follow its job, and return it with its results. */
  subscribe(request: Schemas["TryOnRequest"], options?: SubscribeOptions): Promise<Schemas["TryOn"]>;
  /** The items of a paged list, read page by page: `for await (const job of studio.pages("/api/jobs")) ...`. */
  pages<P extends ListPath>(path: P, filters?: Filters<P>): AsyncGenerator<Item<P>, void, undefined>;
  /** All images, newest first. */
  images(filters?: Filters<"/api/images">): AsyncGenerator<Schemas["Image"], void, undefined>;
  /** All try-ons, newest first, without URLs. */
  tryons(filters?: Filters<"/api/cv/tryon">): AsyncGenerator<Schemas["TryOn"], void, undefined>;
  /** All products of a vendor. */
  products(filters?: Filters<"/api/products">): AsyncGenerator<Schemas["Product"], void, undefined>;
}

/** The API at an address, with an API key. */
export function createStudio({ apiUrl, apiKey, retries = 4, timeoutMs = 60_000 }: StudioOptions): Studio {
  const send = retrying(retries, timeoutMs);
  const api = createClient<paths>({
    baseUrl: apiUrl.replace(/\/+$/, ""),
    headers: { Authorization: `Bearer ${apiKey}` },
    fetch: send,
  });
  const key = (): { "Idempotency-Key": string } => ({ "Idempotency-Key": crypto.randomUUID() });

  async function upload(file: Blob, kind: "person" | "garment", name?: string): Promise<Schemas["Image"]> {
    const form = new FormData();
    form.set("file", file, name ?? (file instanceof File ? file.name : "image"));
    form.set("kind", kind);
    const sent = { params: { header: key() }, body: form as never, bodySerializer: () => form };
    return there(await api.POST("/api/images/upload", sent));
  }

  async function drop(files: Iterable<{ name: string; content: Blob }>): Promise<Map<string, Schemas["DropError"]>> {
    const contents = new Map([...files].map(({ name, content }) => [name, content]));
    const refused = new Map<string, Schemas["DropError"]>();
    for (let names = [...contents.keys()]; names.length > 0; names = names.slice(DROPPED_AT_ONCE)) {
      const body = { names: names.slice(0, DROPPED_AT_ONCE) };
      const { items } = there(await api.POST("/api/drops/batch", { params: { header: key() }, body }));
      const uploads = items.flatMap(({ upload }) => upload ?? []);
      for (const { name, error } of items) if (error) refused.set(name, error);
      const worker = async (): Promise<void> => {
        for (let next = uploads.shift(); next; next = uploads.shift()) {
          const { url, method, headers } = next;
          await send(new Request(url, { method, headers, body: contents.get(next.name)! }));
        }
      };
      await Promise.all(Array.from({ length: PARALLEL_UPLOADS }, worker));
    }
    return refused;
  }

  async function subscribe(
    request: Schemas["TryOnRequest"],
    { onUpdate, timeoutMs: limit = 600_000 }: SubscribeOptions = {},
  ): Promise<Schemas["TryOn"]> {
    const until = Date.now() + limit;
    const created = there(await api.POST("/api/cv/tryon", { params: { header: key() }, body: request }));
    const { id, jobId, status } = created;
    if (status === "completed" || status === "valid" || id === null || jobId === null) return completed(created);
    for (let seq: number | undefined; ; ) {
      const left = Math.floor((until - Date.now()) / 1000);
      if (left <= 0) {
        const detail = `not completed within ${limit} ms`;
        throw new StudioError({ code: "timed_out", detail, retryable: true, details: { tryonId: id, jobId } });
      }
      const wait = Math.min(WAIT_S, left);
      const query = seq === undefined ? { wait } : { wait, seq };
      const job = there(await api.GET("/api/jobs/{id}", { params: { path: { id: jobId }, query } }));
      if (job.seq !== seq) onUpdate?.(job);
      seq = job.seq;
      if (["completed", "failed", "cancelled", "dead"].includes(job.status)) {
        return completed(there(await api.GET("/api/cv/tryon/{id}", { params: { path: { id } } })));
      }
    }
  }

  return {
    api,
    upload,
    drop,
    subscribe,
    pages: (path, filters) => pagesOf(api, path, filters),
    images: (filters) => pagesOf(api, "/api/images", filters),
    tryons: (filters) => pagesOf(api, "/api/cv/tryon", filters),
    products: (filters) => pagesOf(api, "/api/products", filters),
  };
}

function there<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw new StudioError({ code: "unexpected_answer", detail: "the answer has no body" });
  return answer.data;
}

function completed(tryon: Schemas["TryOn"]): Schemas["TryOn"] {
  if (tryon.status === "completed" || tryon.status === "valid") return tryon;
  throw new StudioError({
    code: tryon.error?.code ?? `tryon_${tryon.status}`,
    detail: tryon.error?.message ?? `the try-on is ${tryon.status}`,
    retryable: tryon.error?.retryable ?? false,
    details: { tryonId: tryon.id, jobId: tryon.jobId },
  });
}
