import { useEffect, useState, type FormEvent } from "react";

import { ok, Problem, type Schemas } from "../api/client";
import { dropFiles } from "../api/drops";
import { follow } from "../api/live";
import { useApp } from "../app-context";
import { Awaited, Empty, ErrorNote, Money, Pager, Said, State, Table, When } from "../components/basics";
import { useAction, useEvery, useLoad, usePages } from "../hooks";
import { DropFiles } from "./drop-files";
import { Import } from "./import";

/** For so long after an upload the page looks for what became of it: a file appears once its upload was noticed. */
const LOOKS_MS = 120_000;
const ON_SHELF: Record<Schemas["ProductStatus"], string> = {
  active: "on sale",
  draft: "draft",
  awaiting_image: "waiting for a photo",
  retired: "retired",
};
const OPEN = new Set(["queued", "processing", "retrying"]);

export function Vendor() {
  const { api } = useApp();
  const [state, setState] = useState<Schemas["ProductStatus"] | "">("");
  const [onlyRejected, setOnlyRejected] = useState(false);
  const dropPages = usePages();
  const productPages = usePages();
  const drops = useLoad(
    () =>
      ok(
        api.GET("/api/drops", {
          params: {
            query: {
              limit: 20,
              ...(onlyRejected ? { status: "rejected" as const } : {}),
              ...dropPages.query,
            },
          },
        }),
      ),
    `drops ${onlyRejected} ${dropPages.continuation ?? ""}`,
  );
  const products = useLoad(
    () =>
      ok(
        api.GET("/api/products", {
          params: {
            query: {
              limit: 60,
              ...(state ? { status: state } : {}),
              ...productPages.query,
            },
          },
        }),
      ),
    `products ${state} ${productPages.continuation ?? ""}`,
  );
  const open = drops.data?.items.some((drop) => OPEN.has(drop.status)) ?? false;

  const [uploadedAt, setUploadedAt] = useState(0);
  const reload = () => {
    drops.reload();
    products.reload();
  };

  useEffect(() => follow(api, reload), [api]);
  useEvery(
    3000,
    () => {
      if (open || Date.now() - uploadedAt < LOOKS_MS) reload();
    },
    true,
  );

  return (
    <>
      <h1>Vendor</h1>
      <DropFiles
        onUploaded={() => {
          setUploadedAt(Date.now());
          drops.reload();
        }}
      />
      <Import onImported={products.reload} />
      <section className="card" aria-labelledby="files">
        <h2 id="files">Latest files</h2>
        <label className="check">
          <input
            type="checkbox"
            checked={onlyRejected}
            onChange={(event) => {
              setOnlyRejected(event.target.checked);
              dropPages.restart();
            }}
          />
          Refused files only
        </label>
        <Awaited load={drops} what="files" />
        {drops.data?.items.length === 0 && <Empty>{onlyRejected ? "No file was refused." : "No files yet."}</Empty>}
        {drops.data && drops.data.items.length > 0 && (
          <Table label="Latest files" columns={["File", "State", "Reason", "Uploaded"]}>
            {drops.data.items.map((drop) => (
              <tr key={drop.id}>
                <td>{drop.name}</td>
                <td>
                  <State status={drop.status} />
                </td>
                <td>{drop.error && <Said text={drop.error.message} />}</td>
                <td>
                  <When at={drop.createdAt} />
                </td>
              </tr>
            ))}
          </Table>
        )}
        <Pager pages={dropPages} next={drops.data?.continuation} labels={["Newer files", "Older files"]} />
      </section>
      <section aria-labelledby="products">
        <h2 id="products">Products</h2>
        <div className="row filters">
          <label>
            State
            <select
              value={state}
              onChange={(event) => {
                setState(event.target.value as typeof state);
                productPages.restart();
              }}
            >
              <option value="">all but retired</option>
              <option value="active">on sale</option>
              <option value="draft">drafts</option>
              <option value="awaiting_image">waiting for a photo</option>
              <option value="retired">retired</option>
            </select>
          </label>
        </div>
        <Awaited load={products} what="products" />
        {products.data?.items.length === 0 && <Empty>{state ? "No product is in this state." : "No products yet."}</Empty>}
        <ul className="products roomy">
          {products.data?.items.map((product) => (
            <ProductCard
              key={product.id}
              product={product}
              onChanged={products.reload}
              onUploaded={() => setUploadedAt(Date.now())}
            />
          ))}
        </ul>
        <Pager pages={productPages} next={products.data?.continuation} labels={["Previous page", "Next page"]} />
      </section>
    </>
  );
}

function PhotoButton({
  product,
  busy,
  onPhoto,
}: {
  product: Schemas["Product"];
  busy: boolean;
  onPhoto: (file: File) => void;
}) {
  return (
    <label className="button quiet file">
      {product.imageId ? "Replace photo" : "Add photo"}
      <span className="sr"> of {product.title}</span>
      <input
        type="file"
        accept="image/*,.heic,.heif"
        disabled={busy}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) onPhoto(file);
          event.target.value = "";
        }}
      />
    </label>
  );
}

function ProductCard({
  product,
  onChanged,
  onUploaded,
}: {
  product: Schemas["Product"];
  onChanged: () => void;
  onUploaded: () => void;
}) {
  const { api } = useApp();
  const { busy, error, run, again } = useAction();
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
  const replace = (file: File) =>
    run(async () => {
      const end = /\.[^.]+$/.exec(file.name)?.[0] ?? "";
      const [lost] = await dropFiles(api, [{ name: `${product.sku}${end}`, file }]);
      if (lost) throw new Problem({ code: "not_taken", detail: lost.reason, retryable: lost.again });
      onUploaded();
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
        <State status={product.status} says={ON_SHELF[product.status]} />
        <Money price={product.price} />
        <span className="small">{product.sku}</span>
      </p>
      {product.draft && (
        <p className="note warn">
          <Said text={product.draft.message} />
        </p>
      )}
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
        <div className="row tight">
          {product.status === "draft" && (
            <button type="button" disabled={busy} onClick={() => change({ status: "active" })}>
              Sell<span className="sr"> {product.title}</span>
            </button>
          )}
          {product.status === "active" && (
            <button type="button" className="quiet" disabled={busy} onClick={() => change({ status: "draft" })}>
              Take off sale<span className="sr"> {product.title}</span>
            </button>
          )}
          <button type="button" className="quiet" disabled={busy} onClick={() => setEditing(true)}>
            Edit<span className="sr"> {product.title}</span>
          </button>
          <PhotoButton product={product} busy={busy} onPhoto={replace} />
          {product.status === "retired" ? (
            <button type="button" className="quiet" disabled={busy} onClick={() => change({ status: "draft" })}>
              Bring back<span className="sr"> {product.title}</span>
            </button>
          ) : (
            <button type="button" className="quiet" disabled={busy} onClick={() => change({ status: "retired" })}>
              Retire<span className="sr"> {product.title}</span>
            </button>
          )}
          <button type="button" className="quiet" disabled={busy} onClick={remove}>
            Delete<span className="sr"> {product.title}</span>
          </button>
        </div>
      )}
      <ErrorNote error={error} again={again} />
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
          title="a number with a point, for example 29.90"
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
