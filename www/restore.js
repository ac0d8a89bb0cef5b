// Bringing back what a file that was saved here was drawn from: a picture, a walk, a blend.

import { tell, tellError } from "./notices.js";

/**
 * Gives `restore(wish, source)`. `parts`: choice, studio, form, tools; `draw(wish, source)` draws a main picture, `blend([from, to])` a
 * blend; both give whether it was drawn to its end.
 */
export function restorer({ choice, studio, form, tools, draw, blend }) {
  const act = {
    picture: draw,
    /** Its first picture becomes the main one: from there the way is walked. */
    walk: async ({ prompt, seed, model, towards }) => (await draw({ prompt, seed, model })) && tools.walk(towards),
    blend: ({ from, to, seed, model }) => {
      form.fill({ seed });
      if (model !== choice.name) choice.choose(model);
      return blend([from, to]);
    },
  };
  return async (wish, source) => {
    const kind = wish.film ?? "picture";
    const what = wish.film ? "film" : "picture";
    if (!choice.names.includes(wish.model)) {
      tellError(Object.assign(new Error(`this ${what} was drawn by the model “${wish.model}”, which is not here`), { code: "bad-input" }), "mirror");
      return;
    }
    const done = await act[kind](wish, source);
    const weights = studio.known?.drawnBy?.slice(0, 12);
    if (done && wish.weights && wish.weights !== weights) tell(`Done, but the model has learned since: the ${what} in the file differs.`);
  };
}
