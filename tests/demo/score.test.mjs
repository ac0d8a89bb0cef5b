// How close a description comes to the prompt, and how far what is said of a picture can be trusted.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isUnsure, ranked, spreadOf, unlike } from "../../www/judge.js";
import { agreeing, recall, things } from "../../www/score.js";
import { TINY_PROMPT, breaches, drawAndWait, serveTiny, told } from "./demo_tools.mjs";
import { TINY, damaged, openPage } from "./harness.mjs";
import { browser, server } from "./tiny_page.mjs";

const tokens = (text, unknown = []) => text.split(" ").map((word) => ({ word, known: !unknown.includes(word) }));
const keys = (text) => things(text.split(" ")).map(({ key }) => key);
const found = (prompt, said) => {
  const score = recall(said.split(" "), tokens(prompt));
  return score && [score.found, score.all, score.missed];
};
const marked = (prompt, said) => said.split(" ").filter((_, index) => agreeing(said.split(" "), tokens(prompt))[index]);

test("a colour belongs to its part, before it, behind it and across phrases", () => {
  for (const [text, expected] of [
    ["this flower has pink petals and a yellow center", ["pink petal", "yellow center"]],
    ["this flower has petals that are pink with yellow stamen", ["pink petal", "yellow center"]],
    ["the petals are red and yellow and the center is green", ["red petal", "yellow petal", "green center"]],
    ["red and yellow petals", ["red petal", "yellow petal"]],
    ["petals pink in color and a white center", ["pink petal", "white center"]],
    ["this flower is pink and white in color with petals that are oval shaped", ["pink petal", "white petal", "oval"]],
    ["this is a red bird with a short black beak and white belly", ["red bird", "short", "black bill", "white belly"]],
    ["this bird is yellow with black on its wings", ["yellow bird", "black wing"]],
    ["the wings are black and the belly is white", ["black wing", "white belly"]],
    ["a brown bird with speckled wings and a long bill", ["brown bird", "spotted", "wing", "long", "bill"]],
    ["a yellow flower center", ["yellow center"]],
    ["red", ["red"]],

  ]) {
    assert.deepEqual(keys(text), expected, text);
  }
});

test("the score is the share of telling things found again: a yellow belly is no half of a red belly", () => {
  assert.deepEqual(found("a red belly", "a yellow belly"), [0, 1, ["red belly"]]);
  assert.deepEqual(found("a red belly", "a belly that is red"), [1, 1, []]);
  assert.deepEqual(found("a red belly and a yellow crown", "this bird has a yellow belly and a red crown"), [0, 2, ["red belly", "yellow crown"]]);
  assert.deepEqual(found("a bird with long wings", "this bird has black wings"), [1, 2, ["long"]], "a part without a colour is found whatever its colour");
  assert.deepEqual(found("pink petals and a yellow center", "this flower has yellow petals and a yellow center"), [1, 2, ["pink petals"]]);
  assert.deepEqual(found("red", "a red flower"), [1, 1, []], "a colour of nothing may be of anything");
  assert.equal(found("this is a flower", "a red flower"), null);
  assert.equal(recall(["red"], tokens("zeppelin", ["zeppelin"])), null, "what the model does not know does not count");
});

test("words that people use for the same thing are the same", () => {
  for (const [prompt, said] of [
    ["a yellow center", "the stamens are yellow"],
    ["a yellow pistil", "yellow anthers in the centre"],
    ["a short beak", "a short bill"],
    ["a grey belly", "a gray abdomen"],
    ["violet petals", "a purple flower"],
    ["a small bird", "this little bird"],
    ["speckled wings", "spotted wing"],
    ["reddish feet", "its foot is red"],
  ]) {
    const score = found(prompt, said);
    assert.equal(score[0], score[1], `${prompt}: ${said}: ${score[2]}`);
  }
});

test("marked are the words of what agrees, a colour only with its part", () => {
  assert.deepEqual(marked("pink petals and a yellow center", "this flower has yellow petals and yellow stamen"), ["yellow", "stamen"]);
  assert.deepEqual(marked("a red belly", "a yellow belly and a red crown"), []);
  assert.deepEqual(marked("a red belly with long wings", "red belly and white wings"), ["red", "belly", "wings"]);
});

test("a judge ranks by how well sentences match, and is unsure where others match as well", () => {
  const said = [{ text: "a", similarity: 0.1 }, { text: "b", similarity: null }, { text: "c", similarity: 0.4 }];
  assert.deepEqual(ranked(said).map(({ text }) => text), ["c", "a", "b"]);
  assert.equal(isUnsure(0.5, [0.1, 0.2, 0.15]), false);
  assert.equal(isUnsure(0.16, [0.1, 0.2, 0.15]), true);
  assert.equal(isUnsure(0.05, [0.1, 0.2, 0.15]), true);
  assert.equal(isUnsure(0.1, []), false, "nothing to compare with");
  assert.deepEqual(unlike(["pink petals", "a white flower", "a bird"], ["this flower has pink petals"]), ["a white flower", "a bird"]);
  const pixels = (...values) => Uint8ClampedArray.from(values.flatMap((value) => [value, 128, 128, 255]));
  assert.equal(spreadOf(pixels(7, 7, 7, 7)), 0);
  assert.ok(spreadOf(pixels(0, 255, 0, 255)) > 100);
});

/** A PNG of one colour. */
const grey = async (page) => {
  const data = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 200, height: 200 });
    const context = canvas.getContext("2d");
    context.fillStyle = "#808080";
    context.fillRect(0, 0, 200, 200);
    return canvas.toDataURL("image/png").split(",")[1];
  });
  return { name: "grey.png", mimeType: "image/png", buffer: Buffer.from(data, "base64") };
};

test("a model with a judge ranks by it and says where it is unsure; main picture and mirror say the same", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, TINY_PROMPT, 7);
  const figures = (await page.locator("#sentences .hint").allTextContents()).map((text) => Number(/^match (-?\d\.\d\d)/.exec(text)[1]));
  assert.equal(figures.length, 3);
  assert.deepEqual(figures, figures.toSorted((a, b) => b - a));
  assert.match(await page.locator("#verdict").innerText(), /^(Unsure: these words|In the order in which they match)/);
  const said = await page.locator("#caption").innerText();
  assert.equal(await page.locator("#sentences .sentence").first().innerText(), said);
  await page.locator("#mirror-own").click();
  await told(page, /^Described/);
  assert.equal(await page.locator("#drop-text").innerText(), said);
  assert.deepEqual(await page.locator("#mirror-sentences li").allInnerTexts(), await page.locator("#sentences li").allInnerTexts());
  assert.equal(await page.locator("#mirror-verdict").innerText(), await page.locator("#verdict").innerText());
  await page.locator("#file").setInputFiles(await grey(page));
  await told(page, /^Described/);
  assert.match(await page.locator("#mirror-verdict").innerText(), /^Unsure: the picture is nearly one colour/);
  assert.deepEqual(await breaches(page), []);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("a model without a judge says so, and looks at each picture once, on the first visit too", async () => {
  const folder = damaged((copy) => {
    const config = JSON.parse(readFileSync(join(copy, "config.json"), "utf8"));
    delete config.matcher;
    delete config.files["damsm.safetensors"];
    writeFileSync(join(copy, "config.json"), JSON.stringify(config));
  }, TINY);
  const other = await serveTiny("--mount", `models/blind=${folder}`);
  try {
    const page = await openPage(browser, "about:blank");
    await page.addInitScript(() => {
      window.asked = [];
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (message, ...rest) {
        window.asked.push([message?.method, Boolean(message?.args?.[1]?.caption)]);
        return postMessage.call(this, message, ...rest);
      };
    });
    await page.goto(`${other.address}?model=blind`);
    for (const seed of [3, 4]) {
      await page.evaluate(() => (window.asked.length = 0));
      await drawAndWait(page, TINY_PROMPT, seed);
      const looked = await page.evaluate(() => window.asked.filter(([method, caption]) => method === "caption" || caption));
      assert.deepEqual(looked, [["caption", false]]);
      assert.match(await page.locator("#verdict").innerText(), /has no judge/);
      assert.ok(await page.locator("#where").isHidden(), "nothing that a judge would have to fill");
    }
    await page.locator("#file").setInputFiles(await grey(page));
    await told(page, /^Described/);
    assert.match(await page.locator("#mirror-verdict").innerText(), /^Unsure/);
    assert.ok(await page.locator("#finding").isHidden());
    assert.deepEqual(page.problems, []);
    await page.context().close();
  } finally {
    other.stop();
  }
});
