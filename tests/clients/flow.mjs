// A shop's server: reads {apiUrl, apiKey, vendorKey, person, garment, deliveries} from standard input, prints what happened as JSON.
import { openAsBlob, readFileSync } from "node:fs";
import { createStudio, StudioError, verifyWebhook } from "../../clients/typescript/dist/index.js";

const given = JSON.parse(readFileSync(0, "utf8"));

async function refused(call) {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof StudioError)) throw error;
    return { code: error.code, status: error.status, field: error.field, requestId: error.requestId };
  }
  return null;
}

// First, while their signatures are fresh.
const verified = [];
for (const { headers, body, secret } of given.deliveries) {
  verified.push((await refused(() => verifyWebhook(headers, body, secret)))?.code ?? null);
}

const studio = createStudio(given);
const person = await studio.upload(await openAsBlob(given.person), "person", "person.jpg");
const garment = await studio.upload(await openAsBlob(given.garment), "garment", "garment.jpg");
const seen = [];
const request = { personImageId: person.id, garmentImageId: garment.id, mode: "queued" };
const tryon = await studio.subscribe(request, { onUpdate: (job) => seen.push(job.status) });
const picture = new Uint8Array(await (await fetch(tryon.outputUrl)).arrayBuffer());
const wrong = await refused(() => studio.subscribe({ ...request, samples: 9 }));
const missing = await refused(() => studio.api.GET("/api/images/{id}", { params: { path: { id: "none" } } }));
const listed = [];
for await (const image of studio.images({ limit: 1 })) listed.push(image.id);
const tryons = [];
for await (const one of studio.pages("/api/cv/tryon", { limit: 1 })) tryons.push(one.id);
const lists = {
  images: [person.id, garment.id].every((id) => listed.includes(id)) && new Set(listed).size === listed.length,
  tryons: tryons.includes(tryon.id),
};
const vendor = createStudio({ ...given, apiKey: given.vendorKey });
const files = ["TS-1.jpg", "bad name.jpg"].map(async (name) => ({ name, content: await openAsBlob(given.garment) }));
const refusedDrops = Object.fromEntries(await vendor.drop(await Promise.all(files)));
console.log(JSON.stringify({ status: tryon.status, seen, start: [...picture.slice(0, 4)], wrong, missing, lists, verified, refusedDrops }));
