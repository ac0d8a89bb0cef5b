// The Worker that makes GIFs. It gets pictures, then `{ delay, facts }`; it tells how many are done, and at last the file.

import { encode } from "./gif.js";

const pictures = [];

addEventListener("message", ({ data }) => {
  if (data.picture) return void pictures.push(data.picture);
  const bytes = encode(pictures, data.delay, data.facts, (done) => postMessage({ done }));
  postMessage({ bytes }, [bytes.buffer]);
});
