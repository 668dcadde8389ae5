// Ends this Node.js process when its standard input, a pipe of its parent's, ends: see with_parent.py.
"use strict";

const { fstatSync } = require("node:fs");

const STOP_MS = 15000;

if (fstatSync(0).isFIFO()) {
  const stop = () => {
    process.kill(process.pid, "SIGTERM");
    setTimeout(() => process.kill(process.pid, "SIGKILL"), STOP_MS).unref();
  };
  process.stdin.on("end", stop).on("error", stop).resume();
  process.stdin.unref();
}
