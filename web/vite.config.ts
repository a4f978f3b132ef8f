import { defineConfig } from "vite";

export default defineConfig({
  base: "/static/",
  publicDir: "public",
  build: {
    outDir: "../api/static/built",
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsInlineLimit: 0, // The content security policy allows no data: addresses.
    modulePreload: { polyfill: false },
    target: "es2021",
    rollupOptions: { input: "src/console.ts" },
  },
  css: {
    preprocessorOptions: { scss: { loadPaths: ["node_modules"] } },
  },
});
