import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

/** What the static site has beside the page: its configuration, the tools of a developer's machine, and the widget. */
const BESIDE = ["/config.json", "/_emulator", "/widget.js"];

export default defineConfig(({ mode }) => {
  const site = loadEnv(mode, ".", "STUDIO_")["STUDIO_SITE"];
  return {
    base: "/",
    plugins: [react()],
    build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 400 },
    server: {
      host: "127.0.0.1",
      ...(site ? { proxy: Object.fromEntries(BESIDE.map((path) => [path, { target: site }])) } : {}),
    },
  };
});
