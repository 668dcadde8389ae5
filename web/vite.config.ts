import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { build, defineConfig, loadEnv, type Plugin } from "vite";

/** What the static site has beside the page: its configuration, and the tools of a developer's machine. */
const BESIDE = ["/config.json", "/_emulator"];

/** The widget from its sources, at the address that it has beside a built page. */
const widget: Plugin = {
  name: "widget",
  configureServer(server) {
    server.middlewares.use("/widget.js", async (_request, response, next) => {
      try {
        const root = fileURLToPath(new URL("widget", import.meta.url));
        const made = await build({ root, logLevel: "error", build: { write: false } });
        const [first] = Array.isArray(made) ? made : [made];
        const chunk = first && "output" in first ? first.output.find((part) => part.type === "chunk") : undefined;
        response.setHeader("Content-Type", "text/javascript");
        response.setHeader("Access-Control-Allow-Origin", "*");
        response.end(chunk?.type === "chunk" ? chunk.code : "");
      } catch (error) {
        next(error);
      }
    });
  },
};

export default defineConfig(({ mode }) => {
  const site = loadEnv(mode, ".", "STUDIO_")["STUDIO_SITE"];
  return {
    base: "/",
    plugins: [react(), widget],
    build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 400 },
    server: {
      host: "127.0.0.1",
      ...(site ? { proxy: Object.fromEntries(BESIDE.map((path) => [path, { target: site }])) } : {}),
    },
  };
});
