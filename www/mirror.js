// The mirror alone: any picture is described, and what was said can be drawn in turn.

import { drawnFrom, openPicture, showDropped, watchPictures } from "./drop.js";
import { describe } from "./judge.js";
import { Finding } from "./finding.js";
import { showSentences } from "./sentences.js";

const $ = (id) => document.getElementById(id);

export class Mirror {
  #text = $("drop-text");
  #invitation = $("drop-text").textContent;
  #said = "";
  #finding = new Finding();
  #onDraw;

  /**
   * `onPicture(open)` hears of each picture; `open()` gives it as an ImageBitmap. `onDrawn(wish, bitmap or null)` hears instead
   * of a picture or a film that was drawn and saved here. `onDraw(text, canvas)` hears of the wish to draw what was said; `own()` is the canvas of the main picture.
   */
  constructor({ onPicture, onDrawn, onDraw, own }) {
    watchPictures(async (file) => {
      const wish = await drawnFrom(file);
      if (wish) onDrawn(wish, wish.film ? null : await openPicture(file));
      else onPicture(() => openPicture(file));
    });
    this.#onDraw = onDraw;
    $("mirror-own").addEventListener("click", () => onPicture(() => createImageBitmap(own())));
    $("mirror-draw").addEventListener("click", () => onDraw(this.#said, $("dropped")));
  }

  /** There is a main picture that can be described. */
  offerOwn() {
    $("mirror-own").hidden = false;
  }

  /** Shows a picture and what the engine says of it, compared with `texts`, sentences of other pictures. */
  async describe(open, getEngine, texts, options) {
    let picture = null;
    this.#text.textContent = "Looking…";
    try {
      // A file that is no picture should cost no download.
      picture = await open();
      const gan = await getEngine();
      const said = await describe(gan, picture, texts, options);
      const { text } = said.captions[0];
      this.#said = text;
      showSentences($("mirror-sentences"), $("mirror-verdict"), said, (sentence) => this.#onDraw(sentence, $("dropped")));
      showDropped(picture, text);
      this.#finding.show(said.found ?? null);
      $("mirror-draw").hidden = !text;
    } finally {
      picture?.close();
      this.#text.textContent = $("dropped").hidden ? this.#invitation : this.#said || "(no words)";
    }
  }
}
