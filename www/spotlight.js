// Where a word was attended to, as its ratio to an even share: weight × number of words. 1 is what every word would have if the
// network had not looked at all; what is above it was looked at. Weak maps are not stretched, so that a flat map looks flat. What a
// judge finds in a finished picture is shown in the same way; there an even share is what each place would have of a word.

/** Below this no part of a map stands out. */
export const FLAT = 1.2;
/** A picture fades out where a word has less than the first, and keeps all of its colour from the second on: in a strong map only from
 * half of its peak on, at most from the third, so that what is good does not look like what is best. */
const [FADED, WHOLE, MOST] = [0.9, 1.45, 2.5];
/** The part of a picture over which "up to" is an average: single pixels say little. */
const TOP = 0.02;
/** Words with less of the picture than this are not coloured. */
const LEAST = 0.02;

/** Distinct for the colour-blind too (Okabe and Ito 2008), as red, green, blue. */
export const COLOURS = [
  [230, 159, 0],
  [0, 114, 178],
  [0, 158, 115],
  [204, 121, 167],
  [213, 94, 0],
  [86, 180, 233],
  [240, 228, 66],
];

const smooth = (low, high, value) => {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return t * t * (3 - 2 * t);
};

/** The ratios of word `index`, row after row. */
export function ratios({ words, size, weights }, index) {
  return weights.subarray(index * size * size, (index + 1) * size * size).map((weight) => weight * words);
}

/**
 * What `match` of the package gives, as maps like those of attention: in the one the words of a place share, in the other the places of
 * a word. With `fits`, how well each word and what it was found in go together, from −1 to 1.
 */
export function foundMaps({ words, places }) {
  const { size } = places;
  return { words: places.words, size, weights: places.weights.map((weight) => (weight * size * size) / places.words), fits: words };
}

/** The ratio at its strongest: the mean of the top 2 % of the picture. */
export function peak(map) {
  const sorted = Float32Array.from(map).sort();
  const top = sorted.subarray(Math.min(sorted.length - 1, Math.floor((1 - TOP) * sorted.length)));
  return top.reduce((sum, ratio) => sum + ratio, 0) / top.length;
}

/** 0 where a ratio is faded out, 1 where the picture is shown as it is, in a map with this peak. */
export const kept = (ratio, top = 0) => smooth(FADED, Math.min(MOST, Math.max(WHOLE, top / 2)), ratio);

export const ratioText = (ratio) => `${ratio.toFixed(1)} ×`;

/** What a word's map shows, in words. */
export function tellPeak(word, ratio) {
  return ratio < FLAT ? `“${word}” is spread nearly flat: nowhere more than ${ratioText(ratio)} of even.` : `“${word}” has up to ${ratioText(ratio)} of an even share.`;
}

/** What is said of a word that a judge looked for in the picture; a word behind the last that counts has no map. */
export function tellFound(word, { words, fits, ...maps }, index) {
  if (index >= words) return `“${word}” is behind the last word that counts: it was not looked for.`;
  const top = peak(ratios({ words, ...maps }, index));
  if (fits[index] <= 0) return `The judge finds nothing like “${word}” in this picture.`;
  if (top < FLAT) return `The judge cannot place “${word}”: nowhere more than ${ratioText(top)} of even.`;
  return `The judge finds “${word}” here, with up to ${ratioText(top)} of an even share.`;
}

/**
 * Which word is the strongest at each pixel, and of those words that lead somewhere the index, the share of the picture and the
 * colour, the largest first.
 */
export function regions({ words, size, weights }) {
  const pixels = size * size;
  const winner = new Uint8Array(pixels);
  const counts = Array(words).fill(0);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let word = 1; word < words; word++) {
      if (weights[word * pixels + pixel] > weights[winner[pixel] * pixels + pixel]) winner[pixel] = word;
    }
    counts[winner[pixel]]++;
  }
  const legend = counts
    .map((count, index) => ({ index, share: count / pixels }))
    .filter(({ share }) => share >= LEAST)
    .sort((a, b) => b.share - a.share)
    .slice(0, COLOURS.length)
    // In the order of the words, so that a word keeps its colour from stage to stage.
    .map((entry) => ({ ...entry, colour: COLOURS[entry.index % COLOURS.length] }));
  const taken = new Set();
  for (const entry of legend) {
    if (taken.has(entry.colour)) entry.colour = COLOURS.find((colour) => !taken.has(colour)) ?? entry.colour;
    taken.add(entry.colour);
  }
  return { winner, legend };
}

/** Maps with `side` pixels along each edge, smooth between those that they had: their edges would be stairs on a large picture. */
function finer({ words, size, weights }, side) {
  const near = Array.from({ length: side }, (_, at) => {
    const place = Math.min(size - 1, Math.max(0, ((at + 0.5) * size) / side - 0.5));
    const low = Math.floor(place);
    return [low, Math.min(size - 1, low + 1), place - low];
  });
  const fine = new Float32Array(words * side * side);
  for (let word = 0, to = 0; word < words; word++) {
    const from = word * size * size;
    for (const [top, bottom, down] of near) {
      const [above, below] = [from + top * size, from + bottom * size];
      for (const [left, right, along] of near) {
        const high = weights[above + left] + along * (weights[above + right] - weights[above + left]);
        const deep = weights[below + left] + along * (weights[below + right] - weights[below + left]);
        fine[to++] = high + down * (deep - high);
      }
    }
  }
  return { words, size: side, weights: fine };
}

function fill(canvas, size, colourOf) {
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  for (let pixel = 0; pixel < size * size; pixel++) image.data.set(colourOf(pixel), 4 * pixel);
  context.putImageData(image, 0, 0);
}

/** A veil over what the word did not have. It is near white; the style makes it near black on a dark page. */
export function paintVeil(canvas, size, keptOf) {
  canvas.classList.add("veil");
  fill(canvas, size, (pixel) => [250, 248, 245, Math.round(228 * (1 - keptOf(pixel)))]);
}

function paintRegions(canvas, attention, side) {
  const colours = new Map(regions(attention).legend.map(({ index, colour }) => [index, colour]));
  const shown = attention.size < side ? finer(attention, side) : attention;
  const { winner } = regions(shown);
  const pixels = shown.size ** 2;
  canvas.classList.remove("veil");
  fill(canvas, shown.size, (pixel) => {
    const colour = colours.get(winner[pixel]);
    if (!colour) return [128, 128, 128, 90];
    const lead = shown.weights[winner[pixel] * pixels + pixel] * shown.words;
    return [...colour, Math.round(90 + 110 * smooth(1, 1.6, lead))];
  });
}

/**
 * Paints a look, `{ word }` or `{ all: true }` or null, over a picture with this attention, with at least `side` pixels along an edge;
 * gives whether there is anything to show.
 */
export function paintLook(canvas, attention, look, side = 0) {
  const there = Boolean(look && attention && (look.all || look.word < attention.words));
  canvas.classList.toggle("shown", there);
  if (!there) return false;
  if (look.all) {
    paintRegions(canvas, attention, side);
  } else {
    const map = ratios(attention, look.word);
    const top = peak(map);
    const shown = attention.size < side ? finer({ words: 1, size: attention.size, weights: map }, side) : { size: attention.size, weights: map };
    paintVeil(canvas, shown.size, (pixel) => kept(shown.weights[pixel], top));
  }
  return true;
}

/** The word with the largest ratio at a place, `x` and `y` from 0 to 1, or the ratio there of the word that is looked at. */
export function at({ words, size, weights }, x, y, look) {
  const cell = (value) => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
  const pixel = cell(y) * size + cell(x);
  const ratio = (word) => weights[word * size * size + pixel] * words;
  if (!look.all) return { word: look.word, ratio: ratio(look.word) };
  let best = 0;
  for (let word = 1; word < words; word++) if (ratio(word) > ratio(best)) best = word;
  return { word: best, ratio: ratio(best) };
}
