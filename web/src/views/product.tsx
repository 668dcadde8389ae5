import { ok } from "../api/client";
import { useApp } from "../app-context";
import { Awaited, Badge, Money } from "../components/basics";
import { AsCode } from "../components/code";
import { useLoad } from "../hooks";

/** A product on sale, as anyone sees it. */
export function Product({ shop, id, onSimilar }: { shop: string; id: string; onSimilar: ((id: string) => void) | null }) {
  const { api, config } = useApp();
  const path = { shop, id };
  const load = useLoad(() => ok(api.GET("/api/shops/{shop}/products/{id}", { params: { path } })), id);
  const { data } = load;
  const back = (
    <p>
      <a href="#/shop">Back to the shop</a>
    </p>
  );
  if (!data) {
    return (
      <>
        {back}
        <h1>Product</h1>
        <Awaited load={load} what="the product" />
      </>
    );
  }
  const [picture] = ["optimised", "cutout", "thumbnail"].flatMap((name) => data.pictures[name] ?? []);
  return (
    <article aria-labelledby="product">
      {back}
      <div className="columns">
        {picture && (
          <img
            className="large"
            src={new URL(picture.url, config.apiUrl).href}
            width={picture.width}
            height={picture.height}
            alt={data.title}
          />
        )}
        <section className="card">
          <h1 id="product">{data.title}</h1>
          <p className="figure">
            <Money price={data.price} />
          </p>
          {data.description && <p className="text">{data.description}</p>}
          <dl className="facts">
            <Fact name="Article" value={data.sku} />
            <Fact name="Category" value={data.category?.replaceAll("_", " ")} />
            <Fact name="Colours" value={data.colours.join(", ")} />
            <Fact name="Sold by" value={data.vendorName} />
          </dl>
          {data.tags.length > 0 && (
            <p className="row">
              {data.tags.map((tag) => (
                <Badge key={tag}>{tag}</Badge>
              ))}
            </p>
          )}
          <p className="row">
            <a className="button" href={`#/try-on?product=${encodeURIComponent(data.id)}`}>
              Try it on<span className="sr">: {data.title}</span>
            </a>
            {onSimilar && (
              <button type="button" className="quiet" onClick={() => onSimilar(data.id)}>
                Similar products
              </button>
            )}
          </p>
          <AsCode apiUrl={config.apiUrl} request={{ method: "GET", route: "/api/shops/{shop}/products/{id}", path }} />
        </section>
      </div>
    </article>
  );
}

function Fact({ name, value }: { name: string; value: string | null | undefined }) {
  if (!value) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
