import { useEffect, useState } from "react";

import { ok, type Schemas } from "../api/client";
import { sendingText } from "../api/sending";
import { useApp } from "../app-context";
import { Awaited, Badge, Dropzone, ErrorNote, Said, State, When } from "../components/basics";
import { ENDED, Runs, useRunning } from "../components/runs";
import { useAction, useEvery, useLoad, useNamed } from "../hooks";

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/** Train on own sales, follow the training, and choose the model that predicts. */
export function Training({ onModels }: { onModels: () => void }) {
  const { api, session } = useApp();
  const models = useLoad(() => ok(api.GET("/api/analytics/models")), "models");
  const changed = () => {
    models.reload();
    onModels();
  };
  const trainings = useLoad(() => ok(api.GET("/api/analytics/trainings", { params: { query: { limit: 5 } } })), "trainings");
  const [shown, show] = useNamed("training");
  useRunning(trainings.data?.items ?? [], shown, show);
  const [skip, setSkip] = useState(false);
  const [sent, setSent] = useState<number | null>(null);
  const { busy, error, run, again } = useAction();
  const take = ([file]: File[]) => {
    const key = crypto.randomUUID();
    run(async () => {
      if (!file) return;
      const queued = await ok(
        api.POST("/api/analytics/train", {
          params: { query: { badRows: skip ? "skip" : "refuse" } },
          headers: {
            "Content-Type": file.name.toLowerCase().endsWith(".xlsx") ? XLSX : "text/csv",
            "Idempotency-Key": key,
          },
          body: file as never,
          bodySerializer: (body) => body as unknown as File,
          fetch: session.uploading(setSent),
        }),
      ).finally(() => setSent(null));
      show(queued.trainingId);
      trainings.reload();
    });
  };
  const activate = (id: string) =>
    run(async () => {
      await ok(api.POST("/api/analytics/models/{id}/activate", { params: { path: { id } } }));
      changed();
    });
  return (
    <div className="columns">
      <section className="card" aria-labelledby="train">
        <h2 id="train">Train on your own sales</h2>
        <p>
          A table with a row for each design: <code>image</code> (id or address of its photo), <code>units</code>,{" "}
          <code>price</code>, <code>category</code>, <code>date</code>.
        </p>
        <label className="check">
          <input type="checkbox" checked={skip} onChange={(event) => setSkip(event.target.checked)} />
          Leave out rows that can't be read
        </label>
        <Dropzone
          label={busy ? sendingText(sent) : "Table of sales"}
          hint="CSV or Excel (.xlsx)"
          accept=".csv,.xlsx,text/csv"
          onFiles={take}
        />
        <ErrorNote error={error} again={again} />
        {shown && (
          <Progress
            key={shown}
            id={shown}
            onEnded={() => {
              changed();
              trainings.reload();
            }}
          />
        )}
        <Runs title="Trainings" runs={trainings.data?.items ?? []} shown={shown} onShow={show}>
          {(one) => `${one.rows} rows`}
        </Runs>
        <ErrorNote error={trainings.error} again={trainings.reload} />
      </section>
      <section className="card" aria-labelledby="models">
        <h2 id="models">Models</h2>
        <Awaited load={models} what="models" />
        <ul className="list lines">
          {models.data?.items.map((model) => (
            <li key={model.id}>
              <p className="row">
                <strong>{model.id === "default" ? "The model that is shipped" : "Your model"}</strong>
                {model.active && <Badge tone="good">in use</Badge>}
                <Badge tone={model.data === "synthetic" ? "warn" : "plain"}>{model.data} data</Badge>
              </p>
              <p className="small">
                {Object.values(model.rows).reduce((sum, rows) => sum + rows, 0)} rows, version {model.version}
                {model.createdAt && (
                  <>
                    , <When at={model.createdAt} />
                  </>
                )}
              </p>
              {!model.active && model.usable && (
                <button type="button" className="quiet" disabled={busy} onClick={() => activate(model.id)}>
                  Use it<span className="sr">: {model.version}</span>
                </button>
              )}
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

function Progress({ id, onEnded }: { id: string; onEnded: () => void }) {
  const { api } = useApp();
  const load = useLoad(
    () => ok(api.GET("/api/analytics/trainings/{id}", { params: { path: { id } } })),
    id,
  );
  const { data, reload } = load;
  const ended = data !== null && ENDED.has(data.status);
  useEvery(2000, reload, !ended);
  useEffect(() => {
    if (ended) onEnded();
  }, [ended]);
  if (!data) return <Awaited load={load} what="the training" />;
  return (
    <div role="status">
      <p className="row">
        <State status={data.status} /> {data.rows} rows
        {data.badRows > 0 && (data.reportUrl ? <a href={data.reportUrl}>{data.badRows} bad rows</a> : `${data.badRows} bad rows`)}
      </p>
      {!ended && <progress max={100} value={data.progress?.percent ?? 0} aria-label="Training" />}
      <ErrorNote error={load.error} again={reload} />
      {data.error && (
        <p className="note bad">
          <Said text={data.error.message} />
        </p>
      )}
      {data.figures && <Figures figures={data.figures} />}
    </div>
  );
}

function Figures({ figures }: { figures: Pick<Schemas["TrainingFigures"], "n" | "wape" | "categoryMeanWape" | "coverage"> }) {
  const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
  const most = Math.max(figures.wape, figures.categoryMeanWape);
  const bar = (value: number, max: number) => <meter min={0} max={max} value={value} aria-hidden="true" />;
  return (
    <dl className="score">
      <div>
        <dt>mean error on the {figures.n} newest rows, as a share of sales</dt>
        <dd>
          {bar(figures.wape, most)} {percent(figures.wape)}
        </dd>
      </div>
      <div>
        <dt>the same for the mean of each category</dt>
        <dd>
          {bar(figures.categoryMeanWape, most)} {percent(figures.categoryMeanWape)}
        </dd>
      </div>
      <div>
        <dt>rows inside their interval</dt>
        <dd>
          {bar(figures.coverage, 1)} {percent(figures.coverage)}
        </dd>
      </div>
    </dl>
  );
}
