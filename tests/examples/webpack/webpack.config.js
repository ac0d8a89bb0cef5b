export default {
  mode: "production",
  output: { path: new URL("public/bundle", import.meta.url).pathname },
  // The wasm is downloaded when it is needed, and shown with its progress.
  performance: { hints: false },
};
