// How close a description comes to the prompt: which of the things that it asks for are said again. A colour counts with the part that it
// is of, so a yellow belly is no half of a red belly; words that people use for the same thing are the same.

/** Words that say little about one picture: small ones, and those that nearly every description has. */
const LITTLE = new Set(
  (
    "a an and are as at be but by can color colored colors colour coloured colours for from has have having in is it its of on or s that the their " +
    "there these they this to very was were which while with shape shaped bird flower petal"
  ).split(" "),
);

/** Words that stand for each other in the captions that the models learned from; the first one stands for all. */
const SAME = new Map(
  [
    "center centre middle stamen pistil anther filament stigma",
    "bill beak",
    "belly bellies abdomen stomach underbelly",
    "breast chest",
    "leg tarsus tarsi",
    "foot feet",
    "leaf leave foliage",
    "bird body plumage feather",
    "petal flower",
    "grey gray greyish grayish silver silverish",
    "purple violet purplish purpleish",
    "red reddish redish",
    "yellow yellowish",
    "blue bluish blueish",
    "green greenish",
    "brown brownish",
    "white whitish whiteish whittish",
    "black blackish",
    "orange orangish orangeish",
    "pink pinkish",
    "gold golden goldish",
    "tan tannish",
    "small little tiny smallish",
    "large big largish",
    "round rounded roundish",
    "pointed pointy",
    "spotted speckled",
  ].flatMap((line) => line.split(" ").map((word, _, [first]) => [word, first])),
);

const COLOURS = new Set("red orange yellow green blue purple pink white black brown grey lavender gold cream peach maroon magenta tan crimson indigo turquoise fuchsia burgundy beige rust".split(" "));
/** What a colour can be of. */
const PARTS = new Set(
  "petal center sepal leaf stem pollen spot stripe line edge tip vein pedicel bud bill belly breast wing back head crown throat tail neck nape leg foot eye eyering eyebrow superciliary cheek side bird rump vent covert secondary primary wingbar bar patch ring feather cap forehead flank".split(" "),
);
/** A colour behind one of these is of the part before it: petals that are pink. */
const COPULAS = new Set(["is", "are", "was", "were"]);
/** No colour reaches over these to a part: pink with a yellow center. */
const BORDERS = new Set([...COPULAS, "with", "has", "have", "having", "that", "which", "while", "but", "in"]);
/** What two phrases are joined by. */
const JOINTS = new Set(["and", "or"]);

/** One form for singular and plural, and for words that mean the same. */
function form(word) {
  const single = word.length > 3 && word.endsWith("s") && !word.endsWith("ss") && !SAME.has(word) ? word.slice(0, -1) : word;
  return SAME.get(single) ?? single;
}

/** For each word that is a colour the place of the part that it is of; -1 where there is none. */
export function bindings(forms) {
  const bound = new Map();
  let [last, copula] = [-1, false];
  forms.forEach((word, at) => {
    if (PARTS.has(word)) [last, copula] = [at, false];
    else if (COPULAS.has(word)) copula = last >= 0;
    else if (BORDERS.has(word)) copula = false;
    else if (COLOURS.has(word)) bound.set(at, ahead(forms, at, copula) ?? last);
  });
  return bound;
}

/** The next part in the same phrase: behind a copula "and" begins another phrase. Of a flower's center it is the center. */
function ahead(forms, from, copula) {
  for (let at = from + 1; at < forms.length && !BORDERS.has(forms[at]) && !(copula && JOINTS.has(forms[at])); at++) {
    if (!PARTS.has(forms[at])) continue;
    while (PARTS.has(forms[at + 1]) && forms[at + 1] !== "bird") at++;
    return at;
  }
  return null;
}

/**
 * What words ask for, each thing once: `{ key, words, places }`. A colour and its part are one thing; a part that has a colour is none
 * beside it.
 */
export function things(words) {
  const forms = words.map(form);
  const bound = bindings(forms);
  const coloured = new Set(bound.values());
  const found = new Map();
  forms.forEach((word, at) => {
    const part = bound.get(at);
    if (part === undefined && (LITTLE.has(words[at]) || LITTLE.has(word) || coloured.has(at))) return;
    const key = part >= 0 ? `${word} ${forms[part]}` : word;
    const places = part >= 0 ? [at, part] : [at];
    const thing = found.get(key) ?? { key, words: places.map((place) => words[place]).join(" "), places: [] };
    thing.places.push(...places);
    found.set(key, thing);
  });
  return [...found.values()];
}

const knownWords = (tokens) => tokens.filter(({ known }) => known).map(({ word }) => word);

/** Whether a thing is said: a part, or a colour, that is asked for alone is, whatever it belongs to there. */
function saidIn(words) {
  const forms = words.map(form);
  const keys = new Set(things(words).map(({ key }) => key));
  return (key) => keys.has(key) || forms.includes(key);
}

/** For each word of the description, whether it belongs to a thing that the prompt asks for. */
export function agreeing(words, tokens) {
  const asked = new Set(things(knownWords(tokens)).map(({ key }) => key));
  const agree = words.map((word) => asked.has(form(word)));
  for (const { key, places } of things(words)) if (asked.has(key)) for (const place of places) agree[place] = true;
  return agree;
}

/**
 * The share of the prompt's telling things that the description repeats (recall): `found` of `all`, each counted once.
 * Only words that the model knows count; `null` where the prompt has none.
 */
export function recall(words, tokens) {
  const asked = things(knownWords(tokens));
  if (!asked.length) return null;
  const said = saidIn(words);
  const missed = asked.filter(({ key }) => !said(key)).map(({ words }) => words);
  const found = asked.length - missed.length;
  return { found, all: asked.length, share: found / asked.length, missed };
}
