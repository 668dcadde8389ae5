// Loaded into Azurite: leaves out two packages that it loads at every start and uses only for telemetry, which is switched
// off, and for metadata in an SQL database, which is chosen by AZURITE_DB. They are two fifths of a start.
"use strict";

const Module = require("node:module");

const UNUSED = { applicationinsights: {}, sequelize: { Model: class {} } };
const load = Module._load;

if (!process.env.AZURITE_DB) {
  Module._load = function (name) {
    return Object.hasOwn(UNUSED, name) ? UNUSED[name] : load.apply(this, arguments);
  };
}
