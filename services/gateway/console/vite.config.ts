import { defineConfig } from "vite";

// The gateway serves what comes out of this, from its own package and under this path.
export default defineConfig({
  base: "/console/",
  build: {
    outDir: "../src/grace/gateway/api/pages",
    emptyOutDir: true,
    modulePreload: false,
    target: "es2022",
    assetsInlineLimit: 0,
  },
});
