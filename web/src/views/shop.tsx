import { useState, type FormEvent } from "react";

import { ok, type Schemas } from "../api/client";
import { findAs, findInWindow, findSimilar, type Found, type Query } from "../api/search";
import { useApp, useUser } from "../app-context";
import { Awaited, Dropzone, Empty, ErrorNote, Money, Pager } from "../components/basics";
import { AsCode } from "../components/code";
import { useAction, useLatest, useLoad, usePages, useRoute } from "../hooks";
import { Product } from "./product";

type Sort = "newest" | "price" | "-price" | "title";

const SORTS: Record<Sort, string> = {
  newest: "newest",
  price: "price, low to high",
  "-price": "price, high to low",
  title: "title",
};

const FILTERS = ["category", "colour"];

export function Shop() {
  const user = useUser();
  const [found, setFound] = useState<Found | null>(null);
  // Kept here, so that it still stands beside what was found on the way back from a product.
  const [wanted, setWanted] = useState<Wanted>({ words: "", picture: null, alpha: 0.5 });
  const productId = useRoute().params.get("product");
  const { api } = useApp();
  const { busy, error, run, again } = useAction();
  const mark = useLatest();
  /** Show what is found, unless something else was asked for meanwhile; null: all products. */
  const show = (find: (() => Promise<Found>) | null) => {
    const isLast = mark();
    if (!find) return setFound(null);
    run(async () => {
      const answer = isLast() ? await find() : null;
      if (answer && isLast()) setFound(answer);
    });
  };
  const showSimilar = (id: string) => {
    window.location.hash = "#/shop";
    show(() => findSimilar(api, id));
  };
  if (productId) {
    return <Product key={productId} shop={user?.shop ?? "default"} id={productId} onSimilar={user ? showSimilar : null} />;
  }
  return (
    <>
      <h1>Shop</h1>
      <SearchForm wanted={wanted} onWanted={setWanted} busy={busy} onAsked={show} />
      <ErrorNote error={error} again={again} />
      {found ? (
        <Results found={found} busy={busy} onAsked={show} />
      ) : (
        <Browse shop={user?.shop ?? "default"} />
      )}
    </>
  );
}

function Browse({ shop }: { shop: string }) {
  const { api, config } = useApp();
  // In the address, so that the way back from a product leads to the same list.
  const { params } = useRoute();
  const chosen = params.get("sort") ?? "";
  const sort: Sort = chosen in SORTS ? (chosen as Sort) : "newest";
  const filters = Object.fromEntries([...params].filter(([name]) => FILTERS.includes(name)));
  const pages = usePages();
  const key = JSON.stringify([shop, sort, filters, pages.continuation]);
  const load = useLoad(
    () =>
      ok(
        api.GET("/api/shops/{shop}/products", {
          params: {
            path: { shop },
            query: {
              sort,
              limit: 24,
              ...filters,
              facets: "category,colour",
              ...pages.query,
            } as never,
          },
        }),
      ),
    key,
  );
  const { data } = load;
  const choose = (name: string, value: string) => {
    const query = new URLSearchParams({ ...filters, ...(sort === "newest" ? {} : { sort }), [name]: value });
    if (!value) query.delete(name);
    window.location.hash = `#/shop?${query}`;
    pages.restart();
  };
  const facets = (data?.facets ?? {}) as Record<string, { value: string; count: number }[]>;
  return (
    <section aria-label="Products">
      <div className="row filters">
        {FILTERS.map((name) => (
          <label key={name}>
            {name === "colour" ? "Colour" : "Category"}
            <select value={filters[name] ?? ""} onChange={(event) => choose(name, event.target.value)}>
              <option value="">all</option>
              {(facets[name] ?? []).map(({ value, count }) => (
                <option key={value} value={value}>
                  {value.replaceAll("_", " ")} ({count})
                </option>
              ))}
            </select>
          </label>
        ))}
        <label>
          Order
          <select value={sort} onChange={(event) => choose("sort", event.target.value)}>
            {Object.entries(SORTS).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {data && (
          <span className="small" role="status">
            {data.total} {data.total === 1 ? "product" : "products"}
          </span>
        )}
      </div>
      <Awaited load={load} what="products" />
      {data?.items.length === 0 && (
        <Empty>
          {Object.keys(filters).length > 0
            ? "No product has all of these. Take a filter away."
            : "Nothing is on sale yet. A vendor's photos become products in seconds: see the vendor view."}
        </Empty>
      )}
      <ul className="products">
        {data?.items.map((product) => {
          const picture = product.pictures["cutoutThumbnail"];
          return (
            <li key={product.id} className="card product">
              {picture && (
                <img
                  src={new URL(picture.url, config.apiUrl).href}
                  width={picture.width}
                  height={picture.height}
                  alt={product.title}
                  loading="lazy"
                />
              )}
              <h2>
                <a href={`#/shop?product=${encodeURIComponent(product.id)}`}>{product.title}</a>
              </h2>
              <p>
                <Money price={product.price} /> <span className="small">{product.colours.slice(0, 3).join(", ")}</span>
              </p>
              <TryOnLink id={product.id} title={product.title} searchId={null} />
            </li>
          );
        })}
      </ul>
      <Pager pages={pages} next={data?.continuation} labels={["Previous page", "Next page"]} />
    </section>
  );
}

/** What to show: products that are looked for, or all of them. */
type Asked = (find: (() => Promise<Found>) | null) => void;

/** What the search form holds; `url` shows the picture. */
interface Wanted {
  words: string;
  picture: { file: File; url: string } | null;
  alpha: number;
}

function SearchForm({
  wanted,
  onWanted,
  busy,
  onAsked,
}: {
  wanted: Wanted;
  onWanted: (wanted: Wanted) => void;
  busy: boolean;
  onAsked: Asked;
}) {
  const app = useApp();
  const user = useUser();
  const { words, picture, alpha } = wanted;

  const search = (event: FormEvent) => {
    event.preventDefault();
    const query: Query = { words: words.trim(), picture: picture?.file ?? null, alpha };
    onAsked(query.words || query.picture ? () => (user ? findAs(app, query) : findInWindow(app.api, query)) : null);
  };
  const take = (file: File | null) => {
    if (picture) URL.revokeObjectURL(picture.url);
    onWanted({ ...wanted, picture: file && { file, url: URL.createObjectURL(file) } });
  };

  return (
    <form className="card search" role="search" onSubmit={search}>
      <label className="grow">
        Words
        <input
          type="search"
          placeholder="striped shirt -red"
          value={words}
          onChange={(event) => onWanted({ ...wanted, words: event.target.value })}
        />
      </label>
      <Dropzone
        label={picture ? "Another picture" : "Picture"}
        hint="or both"
        preview={picture?.url ?? null}
        onFiles={([file]) => take(file ?? null)}
      />
      {picture && (
        <div>
          <label>
            Picture counts {Math.round(alpha * 100)} %
            <input
              type="range"
              min={0}
              max={1}
              step={0.05}
              value={alpha}
              disabled={!words.trim()}
              onChange={(event) => onWanted({ ...wanted, alpha: Number(event.target.value) })}
            />
          </label>
          <button type="button" className="quiet" onClick={() => take(null)}>
            Without the picture
          </button>
        </div>
      )}
      <button type="submit" className="primary" disabled={busy}>
        {busy ? "Searching…" : "Search"}
      </button>
    </form>
  );
}

function Results({ found, busy, onAsked }: { found: Found; busy: boolean; onAsked: Asked }) {
  const { api, config } = useApp();
  const user = useUser();
  const most = Math.max(0.01, ...found.items.map((item) => Math.abs(item.score)));
  return (
    <section aria-label="Search results">
      <div className="row">
        <p role="status">
          {found.items.length === 0 && "Nothing in this shop matches."}
          {found.items.length > 0 &&
            (found.total > found.items.length
              ? `The best ${found.items.length} of ${found.total} results`
              : `${found.total} ${found.total === 1 ? "result" : "results"}`)}
        </p>
        <button type="button" className="quiet" onClick={() => onAsked(null)}>
          Back to all products
        </button>
      </div>
      <p className="small">
        What neither has the words nor resembles the picture is left out. A score counts standard deviations above a product
        chosen at random.
      </p>
      {found.didYouMean && <p className="note">Shown for: {found.didYouMean}</p>}
      {found.unknownTerms.length > 0 && (
        <p className="note warn">Looked for by their letters alone: {found.unknownTerms.join(", ")}.</p>
      )}
      <ul className="products">
        {found.items.map((item) => (
          <li key={item.id} className="card product">
            <img src={new URL(item.image, config.apiUrl).href} alt={item.title} loading="lazy" />
            <h2>
              <a href={`#/shop?product=${encodeURIComponent(item.id)}`}>{item.title}</a>
            </h2>
            <p>
              <Money price={item.price} />
            </p>
            <Score score={item.score} why={item.why} most={most} />
            <div className="row">
              <TryOnLink id={item.id} title={item.title} searchId={found.searchId} />
              {user && (
                <button type="button" className="quiet" disabled={busy} onClick={() => onAsked(() => findSimilar(api, item.id))}>
                  Similar<span className="sr"> to {item.title}</span>
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
      {found.request && <AsCode apiUrl={config.apiUrl} request={found.request} />}
    </section>
  );
}

function TryOnLink({ id, title, searchId }: { id: string; title: string; searchId: string | null }) {
  const { api } = useApp();
  const clicked = () => {
    // A click tells how good the search was; its loss costs nothing.
    if (searchId) void api.POST("/api/search/feedback", { body: { searchId, productId: id, kind: "click" } });
  };
  return (
    <a className="button" href={`#/try-on?product=${encodeURIComponent(id)}`} onClick={clicked}>
      Try it on<span className="sr">: {title}</span>
    </a>
  );
}

/** Why a product was found: what picture, meaning and words gave to its score. */
function Score({ score, why, most }: { score: number; why: Schemas["Why"]; most: number }) {
  const parts = Object.entries(why).filter(([, value]) => value !== 0);
  return (
    <dl className="score">
      <div>
        <dt>score</dt>
        <dd>{score.toFixed(2)}</dd>
      </div>
      {parts.map(([name, value]) => (
        <div key={name}>
          <dt>{{ image: "picture", text: "meaning", words: "words" }[name] ?? name}</dt>
          <dd>
            <meter min={0} max={most} value={Math.max(0, Number(value))} aria-hidden="true" /> {Number(value).toFixed(2)}
          </dd>
        </div>
      ))}
    </dl>
  );
}
