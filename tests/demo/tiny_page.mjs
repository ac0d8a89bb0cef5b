// A browser and the demo with the small model, for as long as the tests of a file run: it is enough to import them.

import { after, before } from "node:test";
import { serveTiny } from "./demo_tools.mjs";
import { openBrowser } from "./harness.mjs";

export let browser, server;

before(async () => {
  [browser, server] = [await openBrowser(), await serveTiny()];
});

after(async () => {
  await browser?.close();
  server?.stop();
});
