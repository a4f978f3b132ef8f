import { defineConfig } from "vite";

// Every page loads `console`; the register page, which must work without signal, loads `register` alone. The service worker
// is built by itself (`--mode worker`): one file without imports under a name that stays, as browsers want it.
const pages = {
  manifest: "manifest.json",
  emptyOutDir: true,
  rollupOptions: {
    input: { console: "src/console.ts", register: "src/register.ts" },
    treeshake: { moduleSideEffects: (id: string) => !id.includes("@zxing") }, // its packages do not say that they have none
  },
};
const worker = {
  emptyOutDir: false,
  rollupOptions: { input: "src/offline.ts", output: { entryFileNames: "offline.js" } },
};

export default defineConfig(({ mode }) => ({
  base: "/static/",
  publicDir: mode === "worker" ? false : "public",
  build: {
    ...(mode === "worker" ? worker : pages),
    outDir: "../api/static/built",
    assetsInlineLimit: 0, // The content security policy allows no data: addresses.
    modulePreload: { polyfill: false },
    target: "es2021",
  },
  css: {
    preprocessorOptions: { scss: { loadPaths: ["node_modules"] } },
  },
}));
