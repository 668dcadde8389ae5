/** The searches of the shop: of a signed-in user, and of anyone. */
import type { Request } from "../components/program";
import { ok, uploadImage, type Api, type Schemas } from "./client";
import type { Session } from "./session";

const SHOWN = 24;

/** What was searched for: words, a picture, or both, of which the picture counts `alpha`. */
export interface Query {
  words: string;
  picture: File | null;
  alpha: number;
}

/** Products found, in the shop window and to a signed-in user alike. */
export interface Found {
  /** Of a signed-in user's search, for feedback. */
  searchId: string | null;
  items: { id: string; title: string; image: string; price: Schemas["Money"] | null; score: number; why: Schemas["Why"] }[];
  total: number;
  unknownTerms: string[];
  didYouMean: string | null;
  /** How a program asks the same; null where a picture is the body. */
  request: Request | null;
}

/** The search of a signed-in user, which the merchant's search quality counts. */
export async function findAs(app: { api: Api; session: Session }, { words, picture, alpha }: Query): Promise<Found> {
  const { api } = app;
  const imageId = picture ? (await uploadImage(app, picture, "garment")).id : null;
  if (imageId && words) {
    const body = { query: words, imageId, alpha, topK: SHOWN };
    return foundBy(await ok(api.POST("/api/search/hybrid", { body })), { method: "POST", route: "/api/search/hybrid", body });
  }
  if (imageId) {
    const body = { imageId, topK: SHOWN };
    return foundBy(await ok(api.POST("/api/search/image", { body })), { method: "POST", route: "/api/search/image", body });
  }
  const body = { query: words, topK: SHOWN };
  return foundBy(await ok(api.POST("/api/search/text", { body })), { method: "POST", route: "/api/search/text", body });
}

function foundBy(answer: Schemas["SearchAnswer"], request: Request): Found {
  return { ...answer, didYouMean: answer.didYouMean ?? null, items: answer.results, request };
}

/** The search of anyone: nothing of it is kept. */
export async function findInWindow(api: Api, { words, picture, alpha }: Query): Promise<Found> {
  const path = { shop: "default" };
  const query = { limit: SHOWN, ...(words ? { q: words } : {}) };
  const answer = picture
    ? await ok(
        api.POST("/api/shops/{shop}/search", {
          params: { path, query: { ...query, ...(words ? { alpha } : {}) } as never },
          headers: { "Content-Type": picture.type || "image/jpeg" },
          body: picture as never,
          bodySerializer: (body) => body as unknown as File,
        }),
      )
    : await ok(api.GET("/api/shops/{shop}/search", { params: { path, query: { ...query, q: words } as never } }));
  return {
    searchId: null,
    items: answer.results.map(({ product, score, why }) => ({
      id: product.id,
      title: product.title,
      image: product.pictures["cutoutThumbnail"]?.url ?? "",
      price: product.price ?? null,
      score,
      why,
    })),
    total: answer.total,
    unknownTerms: answer.unknownTerms,
    didYouMean: answer.didYouMean ?? null,
    request: picture ? null : { method: "GET", route: "/api/shops/{shop}/search", path, query: { q: words } },
  };
}

/** Products like one, for signed-in users. */
export async function findSimilar(api: Api, id: string): Promise<Found> {
  const more = await ok(api.GET("/api/search/products/{id}/similar", { params: { path: { id } } }));
  return foundBy(more, { method: "GET", route: "/api/search/products/{id}/similar", path: { id } });
}
