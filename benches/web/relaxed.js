// Two builds of the package draw the same pictures in turn; in a page and in Node.js alike.

const PROMPT = "this flower has pink petals and a yellow center";

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Pixels of the last stage, and how long it took. */
async function draw(gan, seed, stages, now) {
  const start = now();
  const { pictures } = await gan.generate(PROMPT, { seed, stages });
  return { time: now() - start, pixels: pictures[0].stages.at(-1).image.data };
}

const difference = (a, b) => a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index])), 0);

/**
 * `plain` and `relaxed` are the MirrorGan of each build. Gives, for sketches and for whole pictures, both medians, the ratio of each
 * round (plain to relaxed: above 1 relaxed is faster) and the largest difference of pixels. `now` gives milliseconds.
 */
export async function compare(plain, relaxed, model, threads, rounds, now = () => performance.now()) {
  const sides = [];
  for (const { load } of [plain, relaxed]) sides.push(await load(model, { device: "cpu", threads, cache: false }));
  if (sides.some(({ info }) => info.threads !== threads)) throw new Error(`there are not ${threads} threads`);
  const results = {};
  for (const [name, stages] of [["sketch", 1], ["picture", sides[0].info.sizes.length]]) {
    const [times, ratios] = [[[], []], []];
    let differs = 0;
    // The first ones are drawn while the code is still being optimised.
    for (let round = -3; round < rounds; round++) {
      const order = round % 2 ? [0, 1] : [1, 0];
      const drawn = [];
      for (const side of order) drawn[side] = await draw(sides[side], round + 3, stages, now);
      differs = Math.max(differs, difference(drawn[0].pixels, drawn[1].pixels));
      if (round < 0) continue;
      for (const side of order) times[side].push(drawn[side].time);
      ratios.push(drawn[0].time / drawn[1].time);
    }
    results[name] = { plain: median(times[0]), relaxed: median(times[1]), ratio: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios), differs };
  }
  for (const side of sides) await side.dispose();
  return results;
}

/** Rows of a table in Markdown. */
export function rows(where, model, threads, results) {
  return Object.entries(results).map(([name, { plain, relaxed, ratio, least, most, differs }]) => {
    const range = `${ratio.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
    return `| ${where} | ${model} | ${name} | ${threads} | ${plain.toFixed(1)} ms | ${relaxed.toFixed(1)} ms | ${range} | ${differs} |`;
  });
}

export const HEAD = "| where | model | what | threads | plain | relaxed | ratio (range) | difference |\n| --- | --- | --- | --- | --- | --- | --- | --- |";
export const MODELS = ["flowers", "birds"];
