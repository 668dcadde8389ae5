// What the Azure SDK for JavaScript gets from the emulator, as one JSON object.
// Usage: node client.mjs ENDPOINT KEY
import { ChangeFeedStartFrom, CosmosClient, StatusCodes } from "@azure/cosmos";

const [endpoint, key] = process.argv.slice(2);
const client = new CosmosClient({ endpoint, key });
const { database } = await client.databases.createIfNotExists({ id: "javascript" });
const { container } = await database.containers.createIfNotExists({ id: "items", partitionKey: { paths: ["/pk"] } });
const found = {};
const status = (call) => call.then((answer) => answer.statusCode, (refused) => refused.code);

found.bulk = (await container.items.executeBulkOperations(
  Array.from({ length: 12 }, (_, n) => ({
    operationType: "Create", partitionKey: `p${n % 5}`,
    resourceBody: { id: `${n}`, pk: `p${n % 5}`, kind: n % 2 ? "odd" : "even", n },
  })),
)).map((result) => result.response.statusCode);

const ask = async (query, options = {}) => (await container.items.query(query, options).fetchAll()).resources;
found.groups = await ask(
  "SELECT c.kind, COUNT(1) AS count, SUM(c.n) AS sum, AVG(c.n) AS mean, MIN(c.n) AS least, MAX(c.n) AS most "
  + "FROM c GROUP BY c.kind",
);
found.counts = await ask("SELECT VALUE COUNT(1) FROM c GROUP BY c.kind");
found.named = await ask("SELECT COUNT(1) AS count, MAX(c.n) AS most FROM c");
found.nothing = await ask("SELECT VALUE MAX(c.n) FROM c WHERE c.n > 100");
found.sorted = await ask("SELECT VALUE c.n FROM c ORDER BY c.n DESC OFFSET 2 LIMIT 3");
found.constant = await ask("SELECT VALUE 1");

found.resumed = [];
let continuationToken;
do {
  const options = { maxItemCount: 5, enableQueryControl: true, continuationToken };
  const page = await container.items.query("SELECT VALUE c.n FROM c ORDER BY c.n", options).fetchNext();
  found.resumed.push(...(page.resources ?? []));
  continuationToken = page.continuationToken;
} while (continuationToken);

const batch = await container.items.batch([
  { operationType: "Create", resourceBody: { id: "batched", pk: "p1" } },
  { operationType: "Create", resourceBody: { id: "1", pk: "p1" } },
], "p1");
found.batch = batch.result.map((result) => result.statusCode);

const item = container.item("2", "p2");
const change = (least) => item.patch({ condition: `from c where c.n >= ${least}`, operations: [{ op: "incr", path: "/n", value: 1 }] });
found.patches = [await status(change(2)), await status(change(100))];
const { resource } = await item.read();
found.conditions = [
  await status(item.replace(resource, { accessCondition: { type: "IfMatch", condition: '"another"' } })),
  await status(item.replace(resource, { accessCondition: { type: "IfMatch", condition: resource._etag } })),
];

found.changes = 0;
const feed = container.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(), maxItemCount: 5 });
for (let page; (page = await feed.readNext()).statusCode !== StatusCodes.NotModified;) found.changes += page.result.length;

console.log(JSON.stringify(found));
