import { useEffect, useState } from "react";

import { ok, reach, type Schemas } from "../api/client";
import { sendingText } from "../api/sending";
import { useApp } from "../app-context";
import { Awaited, Badge, Dropzone, ErrorNote, Said, State, Table } from "../components/basics";
import { ENDED, Runs, useRunning } from "../components/runs";
import { useAction, useEvery, useLoad, useNamed } from "../hooks";

type Report = Schemas["ImportReport"];

const TYPES: Record<string, string> = {
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  txt: "text/tab-separated-values",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  xml: "application/xml",
};
const KINDS: Record<Report["kind"], string> = {
  own: "a table with our columns",
  shopify: "an export of Shopify",
  woocommerce: "an export of WooCommerce",
  google: "a Google Merchant feed",
};
const OUTCOMES = { created: "good", updated: "good", unchanged: "plain", refused: "bad" } as const;
const SHOWN = 100;

/** Products from a table or a feed, with what became of each row. */
export function Import({ onImported }: { onImported: () => void }) {
  const { api, session } = useApp();
  const { busy, error, run, again } = useAction();
  const [currency, setCurrency] = useState("EUR");
  const [decimal, setDecimal] = useState<"auto" | "point" | "comma">("auto");
  const [fetches, setFetches] = useState(false);
  const [sent, setSent] = useState<number | null>(null);
  const isCurrency = /^([A-Z]{3})?$/.test(currency);
  const imports = useLoad(() => ok(api.GET("/api/products/imports", { params: { query: { limit: 5 } } })), "imports");
  const [shown, show] = useNamed("import");
  const [report, setReport] = useState<Report | null>(null);
  const open = (id: string | null) => {
    setReport(null);
    show(id);
  };
  useRunning(imports.data?.items ?? [], shown, open);
  const take = ([file]: File[]) =>
    run(async () => {
      if (!file) return;
      const end = file.name.slice(file.name.lastIndexOf(".") + 1).toLowerCase();
      const type = TYPES[end];
      if (!isCurrency) throw new Error("Write the three letters of the currency, like EUR, or leave it empty; then choose the file again.");
      if (!type) throw new Error(`${file.name}: choose a .csv, .tsv, .xlsx or .xml file.`);
      open(null);
      const answer = await ok(
        api.POST("/api/products/imports", {
          params: { query: { decimal, ...(currency ? { currency } : {}), ...(fetches ? { pictures: "fetch" as const } : {}) } },
          headers: { "Content-Type": type },
          body: file as never,
          bodySerializer: (body) => body as unknown as File,
          fetch: session.uploading(setSent),
        }),
      ).finally(() => setSent(null));
      if ("jobId" in answer) {
        open(answer.id);
        imports.reload();
      } else setReport(answer);
      onImported();
    });
  return (
    <section className="card" aria-labelledby="import">
      <h2 id="import">Import a table or a feed</h2>
      <p>
        A table with the columns <code>sku</code>, <code>title</code>, <code>price</code>, <code>category</code>, or the file
        that Shopify, WooCommerce or Google Merchant exports. The same article number again changes the product.
      </p>
      <div className="row filters">
        <label>
          Currency, like EUR, where the file names none
          <input
            value={currency}
            maxLength={3}
            aria-invalid={!isCurrency}
            onChange={(event) => setCurrency(event.target.value.toUpperCase())}
          />
        </label>
        <label>
          Decimals
          <select value={decimal} onChange={(event) => setDecimal(event.target.value as typeof decimal)}>
            <option value="auto">detect</option>
            <option value="point">12.50</option>
            <option value="comma">12,50</option>
          </select>
        </label>
      </div>
      <label className="check">
        <input type="checkbox" checked={fetches} onChange={(event) => setFetches(event.target.checked)} />
        Fetch the photos from the addresses in the file
      </label>
      <Dropzone
        label={busy ? sendingText(sent) : "Table or feed"}
        hint="CSV, TSV, Excel (.xlsx) or XML"
        accept=".csv,.tsv,.txt,.xlsx,.xml"
        onFiles={take}
      />
      <ErrorNote error={error} again={again} />
      {shown && (
        <Progress
          key={shown}
          id={shown}
          onReport={setReport}
          onEnded={() => {
            onImported();
            imports.reload();
          }}
        />
      )}
      {report && <Shown report={report} />}
      <Runs title="Large imports" runs={imports.data?.items ?? []} shown={shown} onShow={open}>
        {(one) => `${one.products} products`}
      </Runs>
      <ErrorNote error={imports.error} again={imports.reload} />
    </section>
  );
}

/** An import that a job does, until its report is there. */
function Progress({
  id,
  onReport,
  onEnded,
}: {
  id: string;
  onReport: (report: Report) => void;
  onEnded: () => void;
}) {
  const { api } = useApp();
  const load = useLoad(
    () => ok(api.GET("/api/products/imports/{id}", { params: { path: { id } } })),
    id,
  );
  const { data, reload } = load;
  const action = useAction();
  const ended = data !== null && ENDED.has(data.status);
  useEvery(2000, reload, !ended);
  useEffect(() => {
    if (!ended) return;
    let current = true;
    action.run(async () => {
      const report = data.reportUrl ? ((await (await reach(data.reportUrl)).json()) as Report) : null;
      // Another import has begun meanwhile: its report is the next one.
      if (current && report) onReport(report);
      if (current) onEnded();
    });
    return () => {
      current = false;
    };
  }, [ended]);
  if (!data) return <Awaited load={load} what="the import" />;
  return (
    <div role="status">
      <p className="row">
        <State status={data.status} /> {data.created + data.updated + data.unchanged + data.refused} of {data.products}{" "}
        products
        {data.photosFetched > 0 && `, ${data.photosFetched} photos fetched`}
      </p>
      {!ended && <progress max={100} value={data.progress?.percent ?? 0} aria-label="Import" />}
      <ErrorNote error={data.error ? new Error(data.error.message) : null} />
      <ErrorNote error={load.error} again={reload} />
      <ErrorNote error={action.error} again={action.again} />
    </div>
  );
}

function Shown({ report }: { report: Report }) {
  // What needs work comes first.
  const rows = [...report.products].sort((a, b) => Number(b.outcome === "refused") - Number(a.outcome === "refused"));
  return (
    <div role="status">
      <p>
        Read as {KINDS[report.kind]}: {report.created} created, {report.updated} changed, {report.unchanged} unchanged,{" "}
        {report.refused} refused.
        {report.awaitingPhoto > 0 && ` ${report.awaitingPhoto} ${report.awaitingPhoto === 1 ? "waits" : "wait"} for a photo named as the article number.`}
      </p>
      {report.ignoredColumns.length > 0 && (
        <p className="small">Columns without a meaning here: {report.ignoredColumns.join(", ")}.</p>
      )}
      <Table label="Rows of the import" columns={["Line", "SKU", "Outcome", "What to do"]}>
        {rows.slice(0, SHOWN).map((row) => (
          <tr key={row.line}>
            <td>{row.line}</td>
            <td>{row.sku}</td>
            <td>
              <Badge tone={OUTCOMES[row.outcome]}>{row.outcome}</Badge>
            </td>
            <td>
              {[...row.problems, ...row.notices].map((finding) => (
                <p key={`${finding.line} ${finding.column}`} className="finding">
                  {finding.column && <strong>{finding.column}: </strong>}
                  <Said text={finding.message} />
                  {finding.read && <span className="small"> (line {finding.line}: {finding.read})</span>}
                </p>
              ))}
            </td>
          </tr>
        ))}
      </Table>
      {rows.length > SHOWN && <p className="small">{rows.length - SHOWN} more rows.</p>}
    </div>
  );
}
