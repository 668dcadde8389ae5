import { useState, type FormEvent } from "react";

import { ok, uploadImage, type Schemas } from "../api/client";
import { useApp, useUser } from "../app-context";
import { Dropzone, Empty, ErrorNote, Loading, Money } from "../components/basics";
import { AsCode, type Request } from "../components/code";
import { useAction, useLoad } from "../hooks";
import { Credits } from "./credits";

type Sort = "newest" | "price" | "-price" | "title";
type Answer = Schemas["SearchAnswer"];

const SORTS: Record<Sort, string> = {
  newest: "newest",
  price: "price, low to high",
  "-price": "price, high to low",
  title: "title",
};

export function Shop() {
  const user = useUser();
  const [found, setFound] = useState<{ answer: Answer; request: Request } | null>(null);
  return (
    <>
      <h1>Shop</h1>
      {user ? (
        <SearchForm onFound={setFound} />
      ) : (
        <p>
          <a href="#/sign-in">Sign in</a> to search by words and pictures, try garments on and buy credits.
        </p>
      )}
      {found ? (
        <Results found={found} onFound={setFound} onClose={() => setFound(null)} />
      ) : (
        <Browse shop={user?.shop ?? "default"} />
      )}
      {user && <Credits />}
    </>
  );
}

function Browse({ shop }: { shop: string }) {
  const { api, config } = useApp();
  const [sort, setSort] = useState<Sort>("newest");
  const [filters, setFilters] = useState<Record<string, string>>({});
  const [pages, setPages] = useState<string[]>([]);
  const continuation = pages.at(-1);
  const key = JSON.stringify([shop, sort, filters, continuation]);
  const { data, error, loading } = useLoad(
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
              ...(continuation ? { continuation } : {}),
            } as never,
          },
        }),
      ),
    key,
  );
  const choose = (name: string, value: string) => {
    const { [name]: _, ...others } = filters;
    setFilters(value ? { ...others, [name]: value } : others);
    setPages([]);
  };
  const facets = (data?.facets ?? {}) as Record<string, { value: string; count: number }[]>;
  return (
    <section aria-label="Products">
      <div className="row filters">
        {["category", "colour"].map((name) => (
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
          <select
            value={sort}
            onChange={(event) => {
              setSort(event.target.value as Sort);
              setPages([]);
            }}
          >
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
      <ErrorNote error={error} />
      {!data && loading && <Loading what="products" />}
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
              <h2>{product.title}</h2>
              <p>
                <Money price={product.price} /> <span className="small">{product.colours.slice(0, 3).join(", ")}</span>
              </p>
              <a className="button" href={`#/try-on?product=${encodeURIComponent(product.id)}`}>
                Try it on<span className="sr">: {product.title}</span>
              </a>
            </li>
          );
        })}
      </ul>
      <div className="row">
        {pages.length > 0 && (
          <button type="button" onClick={() => setPages(pages.slice(0, -1))}>
            Previous page
          </button>
        )}
        {data?.continuation && (
          <button type="button" onClick={() => setPages([...pages, data.continuation as string])}>
            Next page
          </button>
        )}
      </div>
    </section>
  );
}

function SearchForm({ onFound }: { onFound: (found: { answer: Answer; request: Request } | null) => void }) {
  const { api } = useApp();
  const { busy, error, run } = useAction();
  const [words, setWords] = useState("");
  const [picture, setPicture] = useState<Schemas["Image"] | null>(null);
  const [alpha, setAlpha] = useState(0.5);

  const search = (event: FormEvent) => {
    event.preventDefault();
    const query = words.trim();
    if (!query && !picture) {
      onFound(null);
      return;
    }
    run(async () => {
      if (picture && query) {
        const body = { query, imageId: picture.id, alpha, topK: 24 };
        const answer = await ok(api.POST("/api/search/hybrid", { body }));
        onFound({ answer, request: { method: "POST", path: "/api/search/hybrid", body } });
      } else if (picture) {
        const body = { imageId: picture.id, topK: 24 };
        const answer = await ok(api.POST("/api/search/image", { body }));
        onFound({ answer, request: { method: "POST", path: "/api/search/image", body } });
      } else {
        const body = { query, topK: 24 };
        const answer = await ok(api.POST("/api/search/text", { body }));
        onFound({ answer, request: { method: "POST", path: "/api/search/text", body } });
      }
    });
  };

  return (
    <form className="card search" role="search" onSubmit={search}>
      <label className="grow">
        Words
        <input
          type="search"
          placeholder="striped shirt -red"
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
      </label>
      <Dropzone
        label={picture ? "Another picture" : "Picture"}
        hint="optional"
        preview={picture?.thumbnail?.url ?? null}
        onFiles={([file]) =>
          run(async () => {
            if (file) setPicture(await uploadImage(api, file, "garment"));
          })
        }
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
              onChange={(event) => setAlpha(Number(event.target.value))}
            />
          </label>
          <button type="button" className="quiet" onClick={() => setPicture(null)}>
            Without the picture
          </button>
        </div>
      )}
      <button type="submit" className="primary" disabled={busy}>
        {busy ? "Searching…" : "Search"}
      </button>
      <ErrorNote error={error} />
    </form>
  );
}

function Results({
  found: { answer, request },
  onFound,
  onClose,
}: {
  found: { answer: Answer; request: Request };
  onFound: (found: { answer: Answer; request: Request }) => void;
  onClose: () => void;
}) {
  const { api, config } = useApp();
  const { busy, error, run } = useAction();
  const most = Math.max(0.01, ...answer.results.map((result) => Math.abs(result.score)));
  const similar = (id: string) =>
    run(async () => {
      const path = `/api/search/products/${id}/similar`;
      const more = await ok(api.GET("/api/search/products/{id}/similar", { params: { path: { id } } }));
      onFound({ answer: more, request: { method: "GET", path } });
    });
  return (
    <section aria-label="Search results">
      <div className="row">
        <p role="status">
          {answer.results.length === 0 ? "Nothing matches." : `${answer.results.length} of ${answer.total} shown`}
          <span className="small"> in {answer.tookMs.toFixed(0)} ms</span>
        </p>
        <button type="button" className="quiet" onClick={onClose}>
          Back to all products
        </button>
      </div>
      {answer.unknownTerms.length > 0 && (
        <p className="note warn">The text model does not know: {answer.unknownTerms.join(", ")}.</p>
      )}
      <ErrorNote error={error} />
      <ul className="products">
        {answer.results.map((result) => (
          <li key={result.id} className="card product">
            <img src={result.image} alt={result.title} loading="lazy" />
            <h2>{result.title}</h2>
            <p>
              <Money price={result.price} />
            </p>
            <Score result={result} most={most} />
            <div className="row">
              <a className="button" href={`#/try-on?product=${encodeURIComponent(result.id)}`}>
                Try it on<span className="sr">: {result.title}</span>
              </a>
              <button type="button" className="quiet" disabled={busy} onClick={() => similar(result.id)}>
                Similar<span className="sr"> to {result.title}</span>
              </button>
            </div>
          </li>
        ))}
      </ul>
      <AsCode apiUrl={config.apiUrl} request={request} />
    </section>
  );
}

/** Why a product was found: what picture, meaning and words gave to its score. */
function Score({ result, most }: { result: Schemas["SearchResult"]; most: number }) {
  const parts = Object.entries(result.why).filter(([, value]) => value !== 0);
  return (
    <dl className="score">
      <div>
        <dt>score</dt>
        <dd>{result.score.toFixed(2)}</dd>
      </div>
      {parts.map(([name, value]) => (
        <div key={name}>
          <dt>{{ image: "picture", text: "meaning", words: "words" }[name] ?? name}</dt>
          <dd>
            <meter min={0} max={most} value={Math.max(0, Number(value))} /> {Number(value).toFixed(2)}
          </dd>
        </div>
      ))}
    </dl>
  );
}
