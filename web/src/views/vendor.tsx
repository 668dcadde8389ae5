import { useEffect, useState, type FormEvent } from "react";

import { ok, type Schemas } from "../api/client";
import { follow } from "../api/live";
import { useApp } from "../app-context";
import { Dropzone, Empty, ErrorNote, Loading, Money, State, When } from "../components/basics";
import { useAction, useLoad } from "../hooks";

const OPEN = new Set(["queued", "processing", "retrying"]);

export function Vendor() {
  const { api } = useApp();
  const drops = useLoad(() => ok(api.GET("/api/drops", { params: { query: { limit: 30 } } })), "drops");
  const products = useLoad(() => ok(api.GET("/api/products", { params: { query: { limit: 60 } } })), "products");
  const { busy, error, run } = useAction();
  const open = drops.data?.items.some((drop) => OPEN.has(drop.status)) ?? false;

  useEffect(() => {
    const reload = () => {
      drops.reload();
      products.reload();
    };
    const stop = follow(api, reload);
    const timer = open ? setInterval(reload, 3000) : undefined;
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [api, open]);

  const upload = (files: File[]) =>
    run(async () => {
      for (const file of files) {
        const where = await ok(api.POST("/api/drops", { body: { name: file.name } }));
        const put = await fetch(where.url, { method: "PUT", headers: where.headers, body: file });
        if (!put.ok) throw new Error(`${file.name} could not be uploaded (${put.status}). Try it again.`);
      }
      drops.reload();
    });

  return (
    <>
      <h1>Vendor</h1>
      <section className="card" aria-labelledby="add">
        <h2 id="add">Add products</h2>
        <p>
          Each photo becomes a product named as the file: <code>TS-1001.jpg</code>. A file <code>TS-1001.json</code> with{" "}
          <code>title</code>, <code>price</code>, <code>category</code> describes it; both come in any order. Until the
          description is right the product is a draft. The same name again replaces the photo or the description.
        </p>
        <Dropzone
          label={busy ? "Uploading…" : "Photos and descriptions"}
          hint="Drop several together: photos, and .json files"
          multiple
          accept="image/*,.heic,.heif,application/json,.json"
          onFiles={upload}
        />
        <ErrorNote error={error} />
      </section>
      <section aria-labelledby="files">
        <h2 id="files">Latest files</h2>
        <ErrorNote error={drops.error} />
        {drops.data?.items.length === 0 && <Empty>No files yet.</Empty>}
        {drops.data && drops.data.items.length > 0 && (
          <div className="scroll" tabIndex={0} role="region" aria-label="Latest files">
            <table>
              <thead>
                <tr>
                  <th scope="col">File</th>
                  <th scope="col">State</th>
                  <th scope="col">Reason</th>
                  <th scope="col">Uploaded</th>
                </tr>
              </thead>
              <tbody>
                {drops.data.items.map((drop) => (
                  <tr key={drop.id}>
                    <td>{drop.name}</td>
                    <td>
                      <State status={drop.status} />
                    </td>
                    <td>{drop.error?.message ?? ""}</td>
                    <td>
                      <When at={drop.createdAt} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
      <section aria-labelledby="products">
        <h2 id="products">Products</h2>
        <ErrorNote error={products.error} />
        {!products.data && products.loading && <Loading what="products" />}
        {products.data?.items.length === 0 && <Empty>No products yet.</Empty>}
        <ul className="products">
          {products.data?.items.map((product) => (
            <ProductCard key={product.id} product={product} onChanged={products.reload} />
          ))}
        </ul>
      </section>
    </>
  );
}

function ProductCard({ product, onChanged }: { product: Schemas["Product"]; onChanged: () => void }) {
  const { api } = useApp();
  const { busy, error, run } = useAction();
  const [editing, setEditing] = useState(false);
  const pictures = ["thumbnail", "cutoutThumbnail", "mask"].flatMap((name) => {
    const picture = product.pictures[name];
    return picture ? [{ name, url: picture.url }] : [];
  });
  const change = (body: Schemas["ProductChange"]) =>
    run(async () => {
      await ok(api.PATCH("/api/products/{id}", { params: { path: { id: product.id } }, body }));
      setEditing(false);
      onChanged();
    });
  const remove = () => {
    if (!window.confirm(`Delete ${product.title} and its files?`)) return;
    run(async () => {
      await ok(api.DELETE("/api/products/{id}", { params: { path: { id: product.id } } }));
      onChanged();
    });
  };
  return (
    <li className="card product">
      <div className="trio">
        {pictures.map(({ name, url }) => (
          <img
            key={name}
            src={url}
            alt={{ thumbnail: "photo", cutoutThumbnail: "cut-out", mask: "mask" }[name] ?? name}
            loading="lazy"
          />
        ))}
      </div>
      <h3>{product.title}</h3>
      <p className="row">
        <State status={product.status} />
        <Money price={product.price} />
        <span className="small">{product.sku}</span>
      </p>
      {product.draft && <p className="note warn">{product.draft.message}</p>}
      <p className="row">
        {product.colours.map((colour) => (
          <span key={colour.hex} className="swatch" style={{ background: colour.hex }} title={colour.name}>
            <span className="sr">{colour.name}</span>
          </span>
        ))}
        {product.quality === "low" && <span className="small">The cut-out may be poor: use a plainer background.</span>}
      </p>
      {editing ? (
        <EditProduct product={product} busy={busy} onSave={change} onCancel={() => setEditing(false)} />
      ) : (
        <div className="row">
          {product.status === "draft" && (
            <button type="button" disabled={busy} onClick={() => change({ status: "active" })}>
              Sell<span className="sr"> {product.title}</span>
            </button>
          )}
          {product.status === "active" && (
            <button type="button" className="quiet" disabled={busy} onClick={() => change({ status: "draft" })}>
              Take off sale<span className="sr">: {product.title}</span>
            </button>
          )}
          <button type="button" className="quiet" disabled={busy} onClick={() => setEditing(true)}>
            Edit<span className="sr"> {product.title}</span>
          </button>
          <button type="button" className="quiet" disabled={busy} onClick={remove}>
            Delete<span className="sr"> {product.title}</span>
          </button>
        </div>
      )}
      <ErrorNote error={error} />
    </li>
  );
}

function EditProduct({
  product,
  busy,
  onSave,
  onCancel,
}: {
  product: Schemas["Product"];
  busy: boolean;
  onSave: (change: Schemas["ProductChange"]) => void;
  onCancel: () => void;
}) {
  const [title, setTitle] = useState(product.title);
  const [amount, setAmount] = useState(product.price?.amount ?? "");
  const save = (event: FormEvent) => {
    event.preventDefault();
    const currency = product.price?.currency ?? "EUR";
    onSave({ title, price: amount === "" ? null : { amount, currency } });
  };
  return (
    <form onSubmit={save}>
      <label>
        Title
        <input required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} />
      </label>
      <label>
        Price in {product.price?.currency ?? "EUR"}
        <input
          inputMode="decimal"
          pattern="[0-9]+([.][0-9]{1,2})?"
          placeholder="29.90"
          value={amount}
          onChange={(event) => setAmount(event.target.value)}
        />
      </label>
      <div className="row">
        <button type="submit" disabled={busy}>
          Save
        </button>
        <button type="button" className="quiet" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
