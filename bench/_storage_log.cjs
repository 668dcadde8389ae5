// Loaded into Azurite by `bench request_units`: appends "METHOD URL" of every request that was answered to $STUDIO_STORAGE_LOG.
"use strict";

const fs = require("node:fs");
const http = require("node:http");

const log = process.env.STUDIO_STORAGE_LOG;
const emit = http.Server.prototype.emit;
if (log) {
  http.Server.prototype.emit = function (event, request, response) {
    if (event === "request") {
      response.on("finish", () => fs.appendFileSync(log, `${request.method} ${request.url}\n`));
    }
    return emit.apply(this, arguments);
  };
}
