import { useEffect, useState } from "react";

import { ok, uploadImage, type ImageKind, type Schemas } from "../api/client";
import { follow } from "../api/live";
import { sendingText } from "../api/sending";
import { useApp } from "../app-context";
import { Awaited, Badge, Dropzone, Empty, ErrorNote, Pager, Said, State, When } from "../components/basics";
import { AsCode } from "../components/code";
import { Compare } from "../components/compare";
import { useAction, useEvery, useLatest, useLoad, useNamed, usePages, useRoute } from "../hooks";

type Run = Schemas["TryOn"];
type Image = Schemas["Image"];

const ENDED = new Set(["completed", "failed", "cancelled"]);

export function TryOn() {
  const { api, config } = useApp();
  const { params } = useRoute();
  const productId = params.get("product");
  const [person, setPerson] = useKeptPerson();
  const [garment, setGarment] = useState<Image | null>(null);
  const [category, setCategory] = useState<Schemas["RequestedCategory"]>("auto");
  const [seed, setSeed] = useState("");
  const [runId, open] = useNamed("run");
  const { busy, error, run, again } = useAction();
  const pages = usePages();
  const history = useLoad(
    () =>
      ok(
        api.GET("/api/cv/tryon", {
          params: { query: { limit: 12, ...pages.query } },
        }),
      ),
    `history ${pages.continuation ?? ""}`,
  );
  const results = useLoad(
    () => ok(api.GET("/api/images", { params: { query: { kind: "result", limit: 40 } } })),
    `results ${history.data?.items[0]?.updatedAt ?? ""}`,
  );
  /** The picture of a try-on: ids of results begin with that of their try-on. */
  const pictureOf = (id: string) => results.data?.items.find((image) => image.id.startsWith(`${id}-`))?.thumbnail?.url;

  const body: Schemas["TryOnRequest"] | null =
    person && (garment || productId)
      ? {
          personImageId: person.id,
          ...(garment ? { garmentImageId: garment.id } : { productId }),
          category,
          mode: "queued",
          ...(seed === "" ? {} : { seed: Number(seed) }),
        }
      : null;

  const mark = useLatest();
  const show = (id: string | null) => {
    mark();
    open(id);
  };
  const start = () => {
    const isLast = mark();
    // One key for all attempts: a lost answer is repeated, and makes no second try-on.
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    run(async () => {
      if (!body) return;
      const made = await ok(api.POST("/api/cv/tryon", { body, headers }));
      if (isLast()) open((made as Run).id);
      history.reload();
    });
  };

  return (
    <>
      <h1>Try on</h1>
      <div className="columns">
        <section className="card" aria-labelledby="what">
          <h2 id="what">Person and garment</h2>
          <Picker
            kind="person"
            label="Person"
            hint="One person from the front, upright. Drop a photo or choose one."
            chosen={person}
            onChosen={setPerson}
          />
          {productId && !garment ? (
            <ChosenProduct id={productId} />
          ) : (
            <Picker
              kind="garment"
              label="Garment"
              hint="One garment, flat or worn. Drop a photo or choose one."
              chosen={garment}
              onChosen={setGarment}
            />
          )}
          <p className="small">
            Or choose a garment in the <a href="#/shop">shop</a>.
          </p>
          <div className="row">
            <label>
              Category
              <select
                value={category}
                onChange={(event) => setCategory(event.target.value as Schemas["RequestedCategory"])}
              >
                <option value="auto">detect</option>
                <option value="upper">upper body</option>
                <option value="lower">lower body</option>
                <option value="dress">dress</option>
              </select>
            </label>
            <label>
              Seed
              <input
                type="number"
                min={0}
                inputMode="numeric"
                placeholder="any"
                value={seed}
                onChange={(event) => setSeed(event.target.value)}
              />
            </label>
          </div>
          <button type="button" className="primary" disabled={!body || busy} onClick={start}>
            {busy ? "Starting…" : "Try it on"}
          </button>
          {!body && <p className="small after">Choose a person and a garment first.</p>}
          <ErrorNote error={error} again={again} />
          {body && <AsCode apiUrl={config.apiUrl} request={{ method: "POST", route: "/api/cv/tryon", body }} />}
        </section>
        <section className="card" aria-labelledby="result">
          <h2 id="result">Result</h2>
          {runId ? (
            <Result key={runId} id={runId} onEnded={history.reload} />
          ) : (
            <Empty>The result appears here, next to the photo it was made from.</Empty>
          )}
        </section>
      </div>
      <section aria-labelledby="history">
        <h2 id="history">History</h2>
        <Awaited load={history} what="your try-ons" />
        {history.data?.items.length === 0 && <Empty>No try-ons yet.</Empty>}
        <ul className="tiles">
          {history.data?.items.map((item) => (
            <li key={item.id}>
              <button
                type="button"
                className="tile"
                aria-pressed={item.id === runId}
                onClick={() => show(item.id)}
              >
                {pictureOf(item.id ?? "") ? (
                  <img src={pictureOf(item.id ?? "")} alt="" loading="lazy" />
                ) : (
                  <span className="blank" aria-hidden="true" />
                )}
                <span>
                  <State status={item.status} /> <EngineBadge run={item} />
                </span>
                <span className="small">
                  <When at={item.createdAt} />
                </span>
              </button>
            </li>
          ))}
        </ul>
        <Pager pages={pages} next={history.data?.continuation} />
      </section>
    </>
  );
}

/** The person chosen last in this tab: still chosen after a look into the shop and after a reload. */
function useKeptPerson(): [person: Image | null, choose: (image: Image) => void] {
  const { api, session } = useApp();
  const [chosen, setChosen] = useState<Image | null>(null);
  const { data: kept } = useLoad(async () => {
    const id = session.personImageId;
    return id ? ok(api.GET("/api/images/{id}", { params: { path: { id } } })) : null;
  }, session.user?.id ?? "");
  const choose = (image: Image) => {
    setChosen(image);
    session.keepPerson(image.id);
  };
  return [chosen ?? kept, choose];
}

function Picker({
  kind,
  label,
  hint,
  chosen,
  onChosen,
}: {
  kind: ImageKind;
  label: string;
  hint: string;
  chosen: Image | null;
  onChosen: (image: Image) => void;
}) {
  const app = useApp();
  const { api } = app;
  const { busy, error, run, again } = useAction();
  const [sent, setSent] = useState<number | null>(null);
  const earlier = useLoad(
    () => ok(api.GET("/api/images", { params: { query: { kind, limit: 8 } } })),
    `images-${kind}`,
  );
  const mark = useLatest();
  const choose = (image: Image) => {
    mark();
    onChosen(image);
  };
  const upload = ([file]: File[]) => {
    const isLast = mark();
    run(async () => {
      if (!file) return;
      const image = await uploadImage(app, file, kind, setSent).finally(() => setSent(null));
      if (isLast()) onChosen(image);
      earlier.reload();
    });
  };
  return (
    <div className="picker">
      <Dropzone
        label={busy ? sendingText(sent) : label}
        hint={hint}
        preview={chosen?.thumbnail?.url ?? null}
        onFiles={upload}
      />
      <ErrorNote error={error} again={again} />
      {earlier.data && earlier.data.items.length > 0 && (
        <div className="strip" role="group" aria-label={`Earlier ${kind} photos`}>
          {earlier.data.items.map((image) => (
            <button
              key={image.id}
              type="button"
              aria-pressed={chosen?.id === image.id}
              aria-label={`Use ${image.name ?? `photo of ${new Date(image.createdAt).toLocaleString()}`}`}
              onClick={() => choose(image)}
            >
              {image.thumbnail && <img src={image.thumbnail.url} alt="" loading="lazy" />}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function ChosenProduct({ id }: { id: string }) {
  const { api, config, session } = useApp();
  const shop = session.user?.shop ?? "default";
  const load = useLoad(
    () => ok(api.GET("/api/shops/{shop}/products/{id}", { params: { path: { shop, id } } })),
    id,
  );
  const { data } = load;
  if (!data) return <Awaited load={load} what="the product" />;
  const picture = data.pictures["cutoutThumbnail"];
  return (
    <div className="chosen">
      {picture && <img src={new URL(picture.url, config.apiUrl).href} alt="" />}
      <div>
        <strong>{data.title}</strong>
        <p className="small">
          From the shop. <a href="#/try-on">Use another garment</a>
        </p>
      </div>
    </div>
  );
}

function Result({ id, onEnded }: { id: string; onEnded: () => void }) {
  const { api } = useApp();
  const load = useLoad(() => ok(api.GET("/api/cv/tryon/{id}", { params: { path: { id } } })), id);
  const { data, reload } = load;
  const ended = data !== null && ENDED.has(data.status);
  const action = useAction();
  useEffect(() => {
    if (ended) {
      onEnded();
      return;
    }
    return follow(api, reload);
  }, [api, ended, reload]);
  // Messages can get lost with the connection; looking again costs little.
  useEvery(5000, reload, !ended);
  const act = (call: () => Promise<unknown>) =>
    action.run(async () => {
      await call();
      reload();
    });

  const before = useLoad(
    async () =>
      data?.personImageId
        ? ok(api.GET("/api/images/{id}", { params: { path: { id: data.personImageId } } }))
        : null,
    data?.personImageId ?? "",
  );
  const [mask, setMask] = useState(false);

  if (!data) return <Awaited load={load} what="the try-on" />;
  const percent = progressOf(data);
  const { jobId } = data;
  return (
    <div aria-live="polite">
      <ErrorNote error={load.error} again={reload} />
      <p className="row">
        <State status={data.status} />
        <EngineBadge run={data} />
        {data.status === "completed" && <Badge>{data.billed ? "1 try-on charged" : "not charged"}</Badge>}
        <span className="small">seed {data.seed}</span>
        {data.processingMs != null && <span className="small">{(data.processingMs / 1000).toFixed(1)} s</span>}
      </p>
      {!ended && (
        <>
          <progress max={100} value={percent} aria-label="Progress" />
          {data.queuePosition != null && data.queuePosition > 0 && (
            <p className="small">{data.queuePosition} before it in the queue.</p>
          )}
          <button
            type="button"
            className="quiet"
            disabled={action.busy}
            onClick={() => act(() => ok(api.POST("/api/cv/tryon/{id}/cancel", { params: { path: { id } } })))}
          >
            Cancel
          </button>
          {!data.error && <ErrorNote error={action.error} />}
        </>
      )}
      {data.error && (
        <div className="note bad" role="alert">
          <p>
            <Said text={data.error.message} />
          </p>
          <p className="small">{data.error.billed ? "It was charged." : "It was not charged."}</p>
          {data.error.retryable && jobId && (
            <button
              type="button"
              className="quiet"
              disabled={action.busy}
              onClick={() => act(() => ok(api.POST("/api/jobs/{id}/retry", { params: { path: { id: jobId } } })))}
            >
              Try it again
            </button>
          )}
          <ErrorNote error={action.error} />
        </div>
      )}
      {data.outputUrl && before.data?.original && (
        <Compare before={before.data.original.url} after={data.outputUrl} label="Try-on" />
      )}
      {data.outputUrl && !before.data?.original && <img className="wide" src={data.outputUrl} alt="Try-on" />}
      {data.results[0] && <Quality notes={data.results[0].report.notes} />}
      {data.maskUrl && (
        <>
          <button type="button" className="quiet" aria-pressed={mask} onClick={() => setMask(!mask)}>
            {mask ? "Hide what was changed" : "Show what was changed"}
          </button>
          {mask && <img className="wide" src={data.maskUrl} alt="Mask: white where the photo was changed" />}
        </>
      )}
    </div>
  );
}

function progressOf(run: Run): number {
  const percent = (run.progress as { percent?: unknown } | null | undefined)?.percent;
  return typeof percent === "number" ? percent : 0;
}

/** Which engine made it, in words: a preview must not be taken for a photo, nor an emulator for the service. */
function EngineBadge({ run }: { run: Run }) {
  const { config } = useApp();
  const emulator = { gemini: "gemini", "fashn-api": "fashn" }[run.engine];
  const emulated = emulator !== undefined && config.local?.providers[emulator]?.emulated;
  return (
    <>
      <Badge tone={run.preview ? "warn" : "plain"}>
        {run.engine === "compact" ? "preview by the built-in engine" : run.engineLabel || run.engine}
      </Badge>{" "}
      {emulated && <Badge tone="warn">emulated</Badge>}
    </>
  );
}

/** What makes a result of the built-in engine poor: the measure in its notes, from where on, and in words. */
const REASONS: [name: string, isPoor: (value: number) => boolean, reason: string][] = [
  ["painted", (value) => value > 0.4, "much had to be painted where the clothes in the photo are larger than the garment"],
  ["outlineAgreement", (value) => value < 0.5, "the garment covers other parts of the body than the clothes in the photo"],
  ["garmentConfidence", (value) => value < 0.6, "the garment's shape was hard to recognise: use a photo of it lying flat"],
  ["poseConfidence", (value) => value < 0.6, "arms or hands are hidden: use a photo with both arms visible"],
  ["frontality", (value) => value < 0.7, "the person is turned: use a photo from the front"],
  ["leftOver", (value) => value > 0.2, "parts of the clothes in the photo remain visible"],
];

/** How good a result probably is, and why, as the engine says of each garment. */
function Quality({ notes }: { notes: Record<string, unknown>[] }) {
  return notes.map((note, index) => {
    const { confidence, quality } = note;
    if (typeof confidence !== "number" || typeof quality !== "string") return null;
    const reasons = REASONS.flatMap(([name, isPoor, reason]) => {
      const value = note[name];
      return typeof value === "number" && isPoor(value) ? [reason] : [];
    });
    return (
      <div key={index} className={`note ${quality === "low" ? "warn" : "good"}`}>
        <p>
          Quality {quality}: the engine is {Math.round(confidence * 100)} % confident.
          {quality === "low" && " Results of low quality are not charged."}
          {reasons.length > 0 && (quality === "low" ? " The reasons:" : " What may look wrong:")}
        </p>
        {reasons.length > 0 && (
          <ul>
            {reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        )}
      </div>
    );
  });
}
