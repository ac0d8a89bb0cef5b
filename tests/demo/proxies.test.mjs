// A MirrorGan behind a proxy, as the reactive systems of frameworks put their values, and its methods without their object.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PROMPT, TINY } from "./harness.mjs";

let MirrorGan, MirrorGanError, gan, expected;

before(async () => {
  ({ MirrorGan, MirrorGanError } = await import("../../pkg/node.js"));
  gan = await MirrorGan.load(TINY);
  expected = await draw(gan);
});

after(() => gan?.dispose());

const draw = async (of) => (await of.generate(PROMPT, { seed: 7 })).pictures[0].stages.at(-1).image.data;

/** As Vue's reactive(): what is read through it is wrapped in turn, unless it is a function or something built in. */
function reactive(object) {
  return new Proxy(object, {
    get(target, key, receiver) {
      const value = Reflect.get(target, key, receiver);
      const plain = typeof value === "object" && value !== null && ["Object", "Array"].includes(Object.prototype.toString.call(value).slice(8, -1));
      return plain && Object.isExtensible(value) ? reactive(value) : value;
    },
    set: Reflect.set,
  });
}

const WAYS = {
  "a proxy without traps": () => new Proxy(gan, {}),
  "a proxy of a proxy": () => new Proxy(new Proxy(gan, {}), {}),
  "a reactive object": () => reactive({ value: gan }).value,
  "an object that inherits from it": () => Object.create(gan),
};

for (const [name, wrap] of Object.entries(WAYS)) {
  test(`every call through ${name}`, async () => {
    const wrapped = wrap();
    assert.ok(wrapped instanceof MirrorGan);
    assert.deepEqual(await draw(wrapped), expected);
    assert.equal((await wrapped.tokenize("pink zeppelin")).length, 2);
    assert.ok((await wrapped.encode("pink")).features > 0);
    assert.equal((await wrapped.blend("pink", "white", { steps: 2 })).length, 2);
    const pixels = reactive({ data: expected, width: 256, height: 256 });
    assert.equal(typeof (await wrapped.caption(pixels, reactive({ signal: new AbortController().signal }))).text, "string");
    assert.deepEqual(wrapped.info, gan.info);
  });
}

test("methods without their object", async () => {
  const { generate, tokenize, info } = gan;
  assert.deepEqual((await generate(PROMPT, { seed: 7 })).pictures[0].stages.at(-1).image.data, expected);
  assert.deepEqual((await Promise.all(["pink", "a white flower"].map((prompt) => tokenize(prompt)))).map(({ length }) => length), [1, 3]);
  assert.deepEqual(info, gan.info);
});

test("a proxy that was disposed of is disposed of", async () => {
  const other = new Proxy(await MirrorGan.load(TINY), {});
  await other.dispose();
  await assert.rejects(other.generate("pink"), (error) => error instanceof MirrorGanError && error.code === "disposed");
});

test("options that throw when they are read are a MirrorGanError", async () => {
  const thrown = new Error("mine");
  const options = {
    get seed() {
      throw thrown;
    },
  };
  await assert.rejects(gan.generate("pink", options), (error) => error instanceof MirrorGanError && error.code === "bad-input" && error.cause === thrown);
  await assert.rejects(MirrorGan.describe(new Proxy(new URL("file:///x/"), {})), (error) => error instanceof MirrorGanError && error.code === "bad-input");
});
