// How close a description comes to the prompt.

/** Words that say little about one picture: small ones, and those that nearly every description has. */
const LITTLE = new Set(
  (
    "a an and are as at be but by can for from has have in is it its of on or s that the their there these they this to very which while with " +
    "bird birds flower flowers petal petals"
  ).split(" "),
);

/** One form for singular and plural. */
const stem = (word) => (word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word);

const tells = (word) => !LITTLE.has(word);

/** For each word of the description, whether the prompt has it too and it tells something. */
export function agreeing(words, tokens) {
  const prompt = new Set(tokens.map(({ word }) => stem(word)));
  return words.map((word) => tells(word) && prompt.has(stem(word)));
}

/**
 * The share of the prompt's telling words that the description repeats (recall): `found` of `all`, each counted once.
 * Only words that the model knows count; `null` where the prompt has none.
 */
export function recall(words, tokens) {
  const asked = new Map(tokens.filter(({ word, known }) => known && tells(word)).map(({ word }) => [stem(word), word]));
  if (!asked.size) return null;
  const said = new Set(words.map(stem));
  const missed = [...asked].filter(([form]) => !said.has(form)).map(([, word]) => word);
  const found = asked.size - missed.length;
  return { found, all: asked.size, share: found / asked.size, missed };
}
