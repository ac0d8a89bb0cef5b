// Words of one kind, which stand for each other in a prompt.

const KINDS = [
  "red orange yellow green blue purple pink white black brown grey violet lavender gold cream peach maroon magenta tan",
  "bright dark light pale deep soft",
  "petals petal leaves sepals",
  "center centre stamen stamens pistil pistils anthers filaments stigma pollen",
  "spots stripes lines edges tips veins",
  "large small big tiny little",
  "long short thin thick wide narrow",
  "round rounded pointed pointy oval curved flat star bell curly ruffled",
  "speckled spotted striped smooth fuzzy",
  "belly breast wings back head crown throat tail neck nape eyes feet beak bill chest cheek",
  "many few several",
].map((line) => line.split(" "));

/** Other words of the kind of `word` that are in `vocabulary` (a Set, or null: all), at most `most`. Without a kind of its own: colours. */
export function others(word, vocabulary, most = 9) {
  const kind = KINDS.find((words) => words.includes(word)) ?? KINDS[0];
  return kind.filter((other) => other !== word && (!vocabulary || vocabulary.has(other))).slice(0, most);
}

/** Whether a word has a kind: small words have none. */
export const hasKind = (word) => KINDS.some((words) => words.includes(word));

/** Colours are the first kind. */
export const isColour = (word) => KINDS[0].includes(word);

export const sameKind = (word, other) => KINDS.some((words) => words.includes(word) && words.includes(other));

/** The places of the words of a text, as the models read it. */
const runs = (text) => [...text.matchAll(/[\p{Alphabetic}\p{N}_]+/gu)];

/** The text with its word number `index` (from 0, unknown words counted) replaced. */
export function replaceAt(text, index, by) {
  const run = runs(text)[index];
  return run ? text.slice(0, run.index) + by + text.slice(run.index + run[0].length) : text;
}
