// What a page says, from its first moment on: a test reads it when it gets there, however late, and misses nothing that is over by then.

/** Milliseconds after which a test gives up on something that never comes. It ends a hang and measures nothing: no test is about speed. */
export const LIMIT = 180_000;

/** Runs in every document before its own scripts; keeps what #status and #error say, and can keep back what a Worker tells. */
function watch() {
  const said = { status: [], error: [] };
  const read = { status: 0, error: 0 };
  const texts = {
    // Each text that was set, those too that were replaced before this was told; React and Svelte write into the text node that is there.
    status: (element, changes) => changes.flatMap(({ type, target, addedNodes }) => (type === "characterData" ? [target.data] : [...addedNodes].map((node) => node.textContent))),
    // An error is its title and its text, set together with being shown.
    error: (element) => (element.hidden ? [] : [element.innerText]),
  };
  const found = (id, element) => {
    const keep = (changes) => said[id].push(...texts[id](element, changes).filter(Boolean));
    keep([{ addedNodes: element.childNodes }]);
    new MutationObserver(keep).observe(element, { childList: true, characterData: true, attributes: true, subtree: true });
  };
  const missing = new Set(Object.keys(texts));
  const finder = new MutationObserver(() => {
    for (const id of missing) {
      const element = document.getElementById(id);
      if (element && missing.delete(id)) found(id, element);
    }
  });
  finder.observe(document, { childList: true, subtree: true });
  addEventListener("DOMContentLoaded", () => finder.disconnect());

  let holding = null;
  if (globalThis.Worker) {
    globalThis.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        // The first listener: whoever listens after it hears only what it lets pass.
        this.addEventListener("message", (event) => {
          if (!holding) return;
          if (holding.left === 0) {
            event.stopImmediatePropagation();
            holding.back.push([this, event.data]);
          } else if (event.data.event?.kind === holding.kind) {
            holding.left--;
          }
        });
      }
    };
  }

  globalThis.watched = {
    said,
    /** The next text that matches, in an array; null while there is none. */
    next(id, source, flags) {
      const pattern = new RegExp(source, flags);
      const at = said[id].findIndex((text, index) => index >= read[id] && pattern.test(text));
      if (at < 0) return null;
      read[id] = at + 1;
      return [said[id][at]];
    },
    skip() {
      for (const id of Object.keys(said)) read[id] = said[id].length;
    },
    hold(kind, count) {
      holding = { kind, left: count, back: [] };
    },
    held: () => holding?.left === 0,
    kept: () => holding.back.length,
    release() {
      const { back } = holding;
      holding = null;
      for (const [worker, data] of back) worker.dispatchEvent(new MessageEvent("message", { data }));
    },
  };
}

/** A context of the browser whose pages are watched. */
export async function newContext(browser, options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(LIMIT);
  await context.addInitScript(watch);
  return context;
}

/** From here on only what comes is read: what was said before belongs to something else. */
export const skip = (page) => page.evaluate(() => watched.skip());

/** Everything that the status of this document has said. */
export const saidSoFar = (page) => page.evaluate(() => watched.said.status);

/** Reads on in what part `id` said, up to a text that matches, and gives it; waits for it where it was not said yet. */
async function next(page, id, { source, flags }, limit) {
  try {
    const found = await page.waitForFunction((args) => watched.next(...args), [id, source, flags], { timeout: limit });
    return (await found.jsonValue())[0];
  } catch (cause) {
    const said = await page.evaluate(() => watched.said).catch(() => "nothing: it was not opened by openPage() or newContext()");
    throw new Error(`the ${id} did not say /${source}/${flags} (again); the page said ${JSON.stringify(said)}`, { cause });
  }
}

/**
 * Reads on in what the status said, up to a text that matches, and gives it. It begins where the last `told` or `draw` ended, so it does
 * not matter whether the text still stands there, and one that was read once is not taken for its successor.
 */
export const told = (page, pattern, limit = LIMIT) => next(page, "status", pattern, limit);

/** The next error that the page shows, read as `told` reads the status. */
export const shownError = (page, pattern = /./, limit = LIMIT) => next(page, "error", pattern, limit);

/**
 * Lets the Worker's `count`-th event of a kind ("stage" or "frame") from now on reach the page, and keeps everything after it back: the
 * work stays half done for as long as the test likes. `reached()` waits for that, `release()` lets go.
 */
export async function hold(page, kind, count = 1) {
  await page.evaluate((args) => watched.hold(...args), [kind, count]);
  return {
    reached: () => page.waitForFunction(() => watched.held()),
    release: () => page.evaluate(() => watched.release()),
  };
}

/** Keeps requests that match waiting: `reached()` waits for the first of them, `release()` lets all go. */
export async function holdRequests(page, glob) {
  let release, first;
  const released = new Promise((resolve) => (release = resolve));
  const asked = new Promise((resolve) => (first = resolve));
  await page.route(glob, async (route) => {
    first();
    await released;
    // What was cancelled meanwhile needs no answer any more.
    await route.continue().catch(() => {});
  });
  return { reached: () => asked, release };
}

/** Asks the page until the answer is true; for what comes to stay but cannot be heard of. */
export async function until(page, question, arg) {
  for (const end = Date.now() + LIMIT; ; ) {
    const answer = await page.evaluate(question, arg);
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`in vain: ${question}`);
  }
}

/** Waits until the package has kept files with these endings: config.json and the module are kept beside their use, after the call. */
export const keptFiles = (page, ...endings) =>
  until(
    page,
    async (endings) => {
      const names = (await (await caches.open("mirrorgan-v1")).keys()).map(({ url }) => new URL(url).pathname);
      return endings.every((ending) => names.some((name) => name.endsWith(ending)));
    },
    endings,
  );

/** Waits until nothing fades or moves any more, but for what always does. */
export const still = (page) =>
  page.evaluate(async () => {
    const moving = () => document.getAnimations().filter(({ playState, effect }) => playState === "running" && effect?.getComputedTiming().endTime !== Infinity);
    for (let some = moving(); some.length; some = moving()) await Promise.allSettled(some.map(({ finished }) => finished));
  });

/** The address that the page has now; Playwright hears of a changed one a moment later. */
export const address = (page) => page.evaluate(() => location.href);
