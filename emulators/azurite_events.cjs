// Loaded into Azurite: tells connected clients what has changed, so that listeners need not poll to see it. Prints
// "Storage events at HOST:PORT" at the start; there it writes a line of JSON for each message that becomes visible,
// {"queue": NAME}, and for each blob that is written, {"container": NAME}. One too many does no harm. What Event Grid calls
// BlobCreated is announced as {"created": {container, blob, etag, api, contentType, contentLength}}, once.
"use strict";

const http = require("node:http");
const net = require("node:net");

const CLOCK_MARGIN_MS = 20;
const NO_NEW_VERSION = new Set(["block", "lease"]);
const clients = new Set();

const server = net.createServer((client) => {
  clients.add(client);
  client.on("error", () => client.destroy()).on("close", () => clients.delete(client)).resume();
});
server.listen(0, "127.0.0.1", () => console.log(`Storage events at 127.0.0.1:${server.address().port}`));
server.unref();

function announce(event) {
  for (const client of clients) client.write(`${JSON.stringify(event)}\n`);
}

function created(request, response, container, blob, comp) {
  if (comp !== null && comp !== "blocklist") return;
  const { headers } = request;
  announce({
    created: {
      container,
      blob: decodeURIComponent(blob),
      etag: String(response.getHeader("etag") ?? ""),
      api: comp === "blocklist" ? "PutBlockList" : headers["x-ms-copy-source"] ? "CopyBlob" : "PutBlob",
      contentType: headers["x-ms-blob-content-type"] ?? headers["content-type"] ?? "application/octet-stream",
      contentLength: Number(headers["x-ms-blob-content-length"] ?? headers["content-length"] ?? 0),
    },
  });
}

function observe(request, response) {
  const { method, url: address } = request;
  const { pathname, searchParams } = new URL(address, "http://localhost");
  const [, , name, rest, ...deeper] = pathname.split("/");
  if (!name || !rest) return;
  if (rest === "messages" && (method === "POST" || method === "PUT")) {
    const seconds = Number(searchParams.get("visibilitytimeout") ?? 0);
    if (seconds > 0) setTimeout(announce, seconds * 1000 + CLOCK_MARGIN_MS, { queue: name }).unref();
    else announce({ queue: name });
  } else if (method === "PUT" && !NO_NEW_VERSION.has(searchParams.get("comp"))) {
    announce({ container: name });
    created(request, response, name, [rest, ...deeper].join("/"), searchParams.get("comp"));
  }
}

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, request, response) {
  if (event === "request") {
    response.on("finish", () => {
      if (response.statusCode < 300) observe(request, response);
    });
  }
  return emit.apply(this, arguments);
};
