import type { Client } from "openapi-fetch";

import { StudioError } from "./errors.js";
import type { paths } from "./schema.js";

type Answer<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer Page } } } };
}
  ? Page
  : never;

/** The items of a paged list. */
export type Item<P extends keyof paths> = Answer<P> extends { items: (infer One)[]; continuation: string | null }
  ? One
  : never;

/** Paths of paged lists. */
export type ListPath = { [P in keyof paths]: Item<P> extends never ? never : P }[keyof paths];

/** The query of a paged list: its filters, and `limit`, the items of a page (1..100). */
export type Filters<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Query } } }
  ? Omit<NonNullable<Query>, "continuation">
  : never;

type Page = { items: unknown[]; continuation?: string | null };
type Get = (path: string, options: { params: { query: object } }) => Promise<{ data?: unknown }>;

/** The items of a paged list, read page by page as they are asked for. */
export async function* pagesOf<P extends ListPath>(
  api: Client<paths>,
  path: P,
  filters?: Filters<P>,
): AsyncGenerator<Item<P>, void, undefined> {
  const get = api.GET as unknown as Get;
  for (let continuation: string | null | undefined; ; ) {
    const query = continuation ? { ...filters, continuation } : { ...filters };
    const page = (await get(path, { params: { query } })).data as Page | undefined;
    if (page === undefined) throw new StudioError({ code: "unexpected_answer", detail: "the answer has no body" });
    yield* page.items as Item<P>[];
    continuation = page.continuation;
    if (!continuation) return;
  }
}
