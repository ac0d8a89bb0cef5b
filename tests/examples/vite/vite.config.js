import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: { target: "es2022" },
  // The development server must serve the package as it is, or its Worker and wasm are not found beside it.
  optimizeDeps: { exclude: ["mirrorgan"] },
});
