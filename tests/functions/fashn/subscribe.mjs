// A shop's server on FASHN: reads {baseURL, apiKey, inputs} from standard input, prints what its client saw as JSON.
import { readFileSync } from "node:fs";
import Fashn from "fashn";

const given = JSON.parse(readFileSync(0, "utf8"));

async function refused(call) {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof Fashn.APIError)) throw error;
    return { kind: error.constructor.name, status: error.status, name: error.error?.error };
  }
  return null;
}

const client = new Fashn({ baseURL: given.baseURL, apiKey: given.apiKey });
const run = (inputs, model_name = "tryon-v1.6") => ({ model_name, inputs: { ...given.inputs, ...inputs } });
const enqueued = [];
const seen = [];
const made = await client.predictions.subscribe({
  ...run({ return_base64: true }),
  pollInterval: 200,
  timeout: 240_000,
  onEnqueued: (id) => enqueued.push(id),
  onQueueUpdate: (state) => seen.push(state.status),
});
const failed = await client.predictions.subscribe({
  ...run({ model_image: given.inputs.garment_image }),
  pollInterval: 200,
});
const cut = await client.predictions.subscribe({
  model_name: "background-remove",
  inputs: { image: given.inputs.garment_image, return_base64: true },
  webhook_url: given.webhookUrl,
  pollInterval: 200,
});
const stranger = new Fashn({ baseURL: given.baseURL, apiKey: "fa-unknown" });
console.log(
  JSON.stringify({
    made,
    enqueued,
    seen,
    failed,
    cut,
    model: await refused(() => client.predictions.run(run({}, "edit"))),
    value: await refused(() => client.predictions.run(run({ category: "hats" }))),
    missing: await refused(() => client.predictions.status("missing")),
    stranger: await refused(() => stranger.predictions.status(made.id)),
  }),
);
