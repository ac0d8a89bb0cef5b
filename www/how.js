// How it works: the prompt of the main picture on its way through the network, part by part, with the values of this very picture.

import { Attention } from "./attention.js";
import { element } from "./paint.js";
import { peak, ratioText, ratios } from "./spotlight.js";
import { bytes, list, seconds, shortened } from "./text.js";

/** The parts in their order; `text(facts)` says what happens there, `shapes(facts)` with what. */
const PARTS = [
  {
    name: "Words",
    text: ({ known, unknown }) =>
      `The prompt is cut into words, in lower case. The model knows ${known.length} of them${unknown.length ? `; ${list(unknown)} ${unknown.length > 1 ? "are" : "is"} left out` : ""}. ` +
      "A recurrent network reads them forwards and backwards, so that each word becomes a row of numbers that depends on its neighbours (STEM in the paper).",
    shapes: ({ known, features }) => `${known.length} words × ${features} numbers`,
  },
  {
    name: "Sentence",
    text: () =>
      "The ends of both readings together stand for the whole sentence. From them and from noise, which the seed decides, comes the start of the picture: the same sentence with another seed is another picture.",
    shapes: ({ features }) => `${features} numbers, and 100 of noise`,
  },
  {
    name: "64 px",
    text: () => "From the sentence and the noise a first sketch is drawn: where things are, and in which colours. It has not looked at single words yet.",
    shapes: ({ sizes }) => `${sizes[0]} × ${sizes[0]} × 3`,
  },
  {
    name: "128 px",
    text: ({ strongest }) =>
      `Now each place of the picture asks which words matter there, and takes of each its share (attention, beside one over the whole sentence). ${strongest(1)} With what they say the picture is drawn anew, twice as fine.`,
    shapes: ({ maps, sizes }) => `${maps(1)} → ${sizes[1]} × ${sizes[1]} × 3`,
  },
  {
    name: "256 px",
    text: ({ strongest }) => `The same once more, from the finer picture. ${strongest(2)}`,
    shapes: ({ maps, sizes }) => `${maps(2)} → ${sizes[2]} × ${sizes[2]} × 3`,
  },
  {
    name: "Words again",
    text: ({ caption }) =>
      caption
        ? `A third network, which never saw the prompt, looks at the finished picture and says: “${caption.text}”. It gives these words a probability of ${chance(caption.logProbability)}. In training, pictures whose description came out like their prompt were rewarded: that is the mirror.`
        : "A third network describes the finished picture. It was not asked to this time: tick “Describe the result”.",
    shapes: ({ caption }) => (caption ? `${caption.words.length} words, one after another` : "not computed"),
  },
];

function chance(logProbability) {
  const probability = Math.exp(logProbability);
  if (probability >= 0.01) return `${Math.round(100 * probability)} %`;
  return `one in ${Number((1 / probability).toPrecision(2)).toLocaleString("en")}`;
}

export class How {
  #root;
  #attention;
  #shown = 0;

  /** `attention` is where it can be switched off, `hooks` what is done then (attention.js). */
  constructor(root, attention, hooks) {
    this.#root = root;
    this.#attention = new Attention(attention, hooks);
  }

  /** Shows the picture of `studio`; `getEngine()` gives the engine that drew it. */
  async show(studio, model, getEngine) {
    if (!studio.result) {
      const hint = element("p", "hint");
      hint.textContent = "Draw a picture first: this part then follows its prompt through the network.";
      this.#root.replaceChildren(hint, links(model));
      this.#attention.offer(null);
      return;
    }
    const { last, result, stagesOf, tokens } = studio;
    const gan = await getEngine();
    const began = performance.now();
    const encoding = await gan.encode(last.prompt);
    const read = performance.now() - began;
    if (studio.result !== result) return;
    this.#draw({ last, stagesOf, tokens, encoding, read, caption: result.caption, described: result.described, info: gan.info });
    this.#attention.offer({ last, result, stagesOf });
  }

  #draw(picture) {
    const facts = factsOf(picture);
    const row = element("div", "how-parts");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Parts of the network, in their order");
    const told = element("div", "how-told");
    told.setAttribute("aria-live", "polite");
    const choose = (chosen) => {
      this.#shown = chosen;
      [...row.children].forEach((button, index) => button.setAttribute("aria-pressed", String(index === chosen)));
      const text = element("p");
      text.textContent = facts.parts[chosen].text(facts);
      const shape = element("p", "hint");
      shape.textContent = `${facts.parts[chosen].shapes(facts)}${facts.times[chosen] ? ` · ${facts.times[chosen]}` : ""}`;
      told.replaceChildren(text, shape);
    };
    facts.parts.forEach((part, index) => {
      const button = element("button", "how-part", row);
      button.type = "button";
      element("span", "how-look", button).append(lookOf(part, index, picture, facts));
      element("span", "how-name", button).textContent = part.name;
      button.addEventListener("click", () => choose(index));
    });
    const whole = element("p", "hint");
    whole.textContent = `All of it is ${(picture.info.parameters / 1e6).toFixed(1)} million numbers, in ${bytes(picture.info.memory)} of memory.`;
    this.#root.replaceChildren(row, told, whole, links(picture.last.model));
    choose(Math.min(this.#shown, facts.parts.length - 1));
  }
}

function factsOf({ tokens, encoding, stagesOf, caption, read, described }) {
  const known = tokens.filter((token) => token.known).map(({ word }) => word);
  const unknown = tokens.filter((token) => !token.known).map(({ word }) => shortened(word)).slice(0, 4);
  // A model with fewer stages has fewer parts.
  const parts = PARTS.filter((part) => !part.name.endsWith("px") || stagesOf.some(({ size }) => part.name === `${size} px`));
  const took = (index) => stagesOf[index].milliseconds - (index ? stagesOf[index - 1].milliseconds : 0);
  const times = [`${seconds(read)} for words and sentence`, "", ...stagesOf.map((_, index) => seconds(took(index))), caption ? seconds(described) : ""];
  return {
    parts,
    times,
    known,
    unknown,
    caption,
    features: encoding.features,
    sizes: stagesOf.map(({ size }) => size),
    maps: (stage) => {
      const { words, size } = stagesOf[stage].attention;
      return `${words} maps of ${size} × ${size}`;
    },
    strongest: (stage) => {
      const { attention } = stagesOf[stage];
      const all = Array.from({ length: attention.words }, (_, index) => [peak(ratios(attention, index)), known[index]]).sort((a, b) => b[0] - a[0]);
      return `Here “${all[0][1]}” stood out most, with up to ${ratioText(all[0][0])} of an even share.`;
    },
  };
}

/** A small picture of what a part has made. */
function lookOf(part, index, { stagesOf, encoding, caption }, { known }) {
  if (part.name === "Words") return textLook(known.join(" "));
  if (part.name === "Sentence") return stripes(encoding.sentence);
  if (part.name === "Words again") return textLook(caption ? caption.text : "…");
  const { image } = stagesOf[index - 2];
  const canvas = element("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function textLook(text) {
  const look = element("span", "how-words");
  look.textContent = text.length > 70 ? `${text.slice(0, 70)}…` : text;
  return look;
}

/** The numbers of the sentence, each a small square: dark ones negative, bright ones positive. */
function stripes(values) {
  const side = Math.ceil(Math.sqrt(values.length));
  const canvas = element("canvas", "pixels");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  values.forEach((value, at) => {
    const share = value / most;
    image.data.set(share > 0 ? [168, 50, 106, Math.round(255 * share)] : [40, 90, 160, Math.round(-255 * share)], 4 * at);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

function links(model) {
  const line = element("p", "hint");
  const link = (href, text) => {
    const made = element("a", "", line);
    Object.assign(made, { href, textContent: text });
  };
  line.append("What it can and cannot, as measured: ");
  link(`models/${model}/README.md`, "the model's card");
  line.append("; how it was trained: ");
  link(`models/${model}/training.html`, "report of the training");
  line.append(".");
  return line;
}
