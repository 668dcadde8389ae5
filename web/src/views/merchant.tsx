import { useState } from "react";

import { ok, uploadImage, type Schemas } from "../api/client";
import { sendingText } from "../api/sending";
import { useApp } from "../app-context";
import { Awaited, Dropzone, Empty, ErrorNote, Table } from "../components/basics";
import { AsCode } from "../components/code";
import { useAction, useLatest, useLoad } from "../hooks";
import { Curves } from "./evaluation";
import { Training } from "./training";

export function Merchant() {
  const [models, setModels] = useState(0);
  return (
    <>
      <h1>Merchant</h1>
      <Predict />
      <ModelQuality key={models} />
      <Training onModels={() => setModels((count) => count + 1)} />
      <SearchQuality />
    </>
  );
}

function Predict() {
  const app = useApp();
  const { api, config } = app;
  const [image, setImage] = useState<Schemas["Image"] | null>(null);
  const [category, setCategory] = useState("");
  const [price, setPrice] = useState("");
  const [prediction, setPrediction] = useState<Schemas["Prediction"] | null>(null);
  const { busy, error, run, again } = useAction();
  const [sent, setSent] = useState<number | null>(null);
  const body = image && {
    imageId: image.id,
    heatmap: true,
    ...(category ? { category } : {}),
    ...(price ? { price: Number(price) } : {}),
  };
  const mark = useLatest();
  const predict = () => {
    const isLast = mark();
    run(async () => {
      if (!body) return;
      const answer = (await ok(api.POST("/api/analytics/predict", { body }))) as Schemas["Prediction"];
      if (isLast()) setPrediction(answer);
    });
  };
  /** Another photo: what was predicted of the one before is no longer shown. */
  const take = ([file]: File[]) => {
    const isLast = mark();
    setPrediction(null);
    run(async () => {
      if (!file || !isLast()) return;
      setImage(await uploadImage(app, file, "garment", setSent).finally(() => setSent(null)));
    });
  };
  return (
    <section className="card" aria-labelledby="predict">
      <h2 id="predict">What will it sell?</h2>
      <Dropzone
        label={sent === null ? "Photo of the design" : sendingText(sent)}
        hint="Drop a photo or choose one"
        preview={image?.thumbnail?.url ?? null}
        onFiles={take}
      />
      <div className="row">
        <label>
          Category
          <input value={category} placeholder="dress" onChange={(event) => setCategory(event.target.value)} />
        </label>
        <label>
          Price
          <input
            type="number"
            min={0}
            step="0.01"
            inputMode="decimal"
            value={price}
            onChange={(event) => setPrice(event.target.value)}
          />
        </label>
      </div>
      <button type="button" className="primary" disabled={!body || busy} onClick={predict}>
        {busy && sent === null ? "Working…" : "Predict"}
      </button>
      <ErrorNote error={error} again={again} />
      {prediction && (
        <div aria-live="polite">
          <p className="figure">
            {Math.round(prediction.score)} <span className="small">{prediction.unit}</span>
          </p>
          <p>
            Between {Math.round(prediction.errLow)} and {Math.round(prediction.errHigh)} in{" "}
            {Math.round(prediction.coverage * 100)} of 100 cases.
            {prediction.data === "synthetic" && " The model was trained on synthetic sales: train it on your own."}
          </p>
          {prediction.warnings.map((warning) => (
            <p key={warning.code} className="note warn">
              {warning.message}
            </p>
          ))}
          {prediction.heatmapUrl && (
            <figure>
              <img className="wide" src={prediction.heatmapUrl} alt="Heat map over the design" />
              <figcaption className="small">Where the photo moves the prediction.</figcaption>
            </figure>
          )}
          <h3>Why</h3>
          <dl className="score">
            {prediction.explanation.contributions.map((part) => (
              <div key={part.name}>
                <dt>{part.name}</dt>
                <dd>times {part.factor.toFixed(2)}</dd>
              </div>
            ))}
          </dl>
        </div>
      )}
      {body && <AsCode apiUrl={config.apiUrl} request={{ method: "POST", route: "/api/analytics/predict", body }} />}
    </section>
  );
}

function ModelQuality() {
  const { api } = useApp();
  const load = useLoad(() => ok(api.GET("/api/analytics/eval")), "evaluation");
  const { data } = load;
  return (
    <section className="card" aria-labelledby="model">
      <h2 id="model">The sales model</h2>
      <Awaited load={load} what="the evaluation" />
      {data && (
        <>
          <p>
            {data.modelVersion}, on {data.n} held-out rows ({data.data} data).
          </p>
          <dl className="score">
            <div>
              <dt>mean error, as a share of sales</dt>
              <dd>{(data.measures.wape * 100).toFixed(1)} %</dd>
            </div>
            <div>
              <dt>rank correlation</dt>
              <dd>{data.measures.spearman.toFixed(2)}</dd>
            </div>
            <div>
              <dt>interval covers (asked {Math.round(data.interval.asked * 100)} %)</dt>
              <dd>{(data.interval.coverage * 100).toFixed(1)} %</dd>
            </div>
          </dl>
          <Curves evaluation={data} />
          {data.notes.map((note) => (
            <p key={note} className="small">
              {note}
            </p>
          ))}
        </>
      )}
    </section>
  );
}

function SearchQuality() {
  const { api } = useApp();
  const load = useLoad(() => ok(api.GET("/api/search/eval")), "search-eval");
  const { data } = load;
  const kinds = Object.entries(data?.byKind ?? {}).filter(([, figures]) => figures.searches > 0);
  const percent = (estimate: Schemas["Estimate"]) =>
    estimate.value === null ? "–" : `${(estimate.value * 100).toFixed(0)} %`;
  return (
    <section className="card" aria-labelledby="search-quality">
      <h2 id="search-quality">Search quality, last 30 days</h2>
      <Awaited load={load} what="search quality" />
      {data && kinds.length === 0 && <Empty>No searches yet.</Empty>}
      {kinds.length > 0 && (
        <Table label="Search quality" columns={["Kind", "Searches", "With a click", "Without a result", "Median"]}>
          {kinds.map(([kind, figures]) => (
            <tr key={kind}>
              <td>{kind}</td>
              <td>{figures.searches}</td>
              <td>{percent(figures.clickThroughRate)}</td>
              <td>{percent(figures.zeroResults)}</td>
              <td>{figures.latencyMs["p50"]?.toFixed(0) ?? "–"} ms</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
