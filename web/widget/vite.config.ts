import { defineConfig } from "vite";

/** One script for shops' pages, beside the studio page in `web/dist`. */
export default defineConfig({
  publicDir: false,
  build: {
    target: "es2022",
    outDir: "../dist",
    emptyOutDir: false,
    lib: { entry: "widget.ts", name: "tryItOn", formats: ["iife"], fileName: () => "widget.js" },
  },
});
