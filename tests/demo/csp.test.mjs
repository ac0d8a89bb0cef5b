// The built site below a path, under a strict policy sent as a header: it draws, breaks no rule, asks no other server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { POLICY, builtSite, drawAndWait, serveWith, told } from "./demo_tools.mjs";
import { TINY, openBrowser, openPage } from "./harness.mjs";
import { newContext } from "./watch.mjs";

let browser, server;

before(async () => {
  server = await serveWith("--root", builtSite(), "--mount", `models/flowers=${TINY}`, "--prefix", "/some/sub/path/", "--header", `Content-Security-Policy: ${POLICY}`);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  server?.stop();
});

test("the built site works below a path and a strict policy; every request stays there", async () => {
  const context = await newContext(browser);
  const requests = [];
  context.on("request", (request) => requests.push(request.url()));
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  const answer = await page.goto(server.address);
  assert.equal(answer.headers()["content-security-policy"], POLICY);
  await drawAndWait(page);
  await page.getByRole("button", { name: "Blend", exact: true }).click();
  await told(page, /^Blended/);
  // What writes films comes now.
  for (const kind of ["gif", "webm"]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(`#blend-${kind}`).click()]);
    assert.ok(download.suggestedFilename().endsWith(`.${kind}`));
    await told(page, /^Saved/);
  }
  assert.ok(requests.some((url) => url.endsWith("/some/sub/path/vendor/gifenc.js")));
  await page.getByRole("button", { name: "Describe the picture above" }).click();
  await told(page, /^Described/);
  assert.deepEqual(complaints, []);
  const elsewhere = requests.filter((url) => !url.startsWith(server.address) && !/^(blob|data):/.test(url));
  assert.deepEqual(elsewhere, []);
  assert.ok(requests.some((url) => url.endsWith(".wasm")), "the requests were seen");
  await context.close();
});

test("the policy forbids what it should", async () => {
  const page = await openPage(browser, server.address);
  const answers = await page.evaluate(async () => {
    const refused = new Promise((resolve) => addEventListener("securitypolicyviolation", resolve, { once: true }));
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
    const ran = window.injected === true;
    return [ran, ran ? null : (await refused).effectiveDirective];
  });
  assert.deepEqual(answers, [false, "script-src-elem"]);
  await page.context().close();
});

test("what an address says is text, never markup, and leads nowhere else", async () => {
  const page = await openPage(browser, server.address);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const prompt = '<img src=x onerror="window.injected=1"> pink petals';
  for (const model of ["../../elsewhere", "https://example.org/m", "a/b", "..", "<b>x</b>"]) {
    await page.goto("about:blank");
    await page.goto(`${server.address}#${new URLSearchParams({ prompt, seed: "NaN", model })}`);
    await page.locator("#draw:enabled").waitFor();
    await told(page, /seed “NaN” is no whole number.*model that cannot be one/);
    assert.equal(await page.getByLabel("What should the picture show?").inputValue(), prompt);
  }
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await told(page, /^Done/);
  assert.equal(await page.evaluate(() => window.injected), undefined);
  assert.equal(await page.locator("main img[src='x']").count(), 0);
  assert.deepEqual(asked.filter((url) => !url.startsWith(server.address) && !/^(about|data|blob):/.test(url)), []);
  await page.context().close();
});
