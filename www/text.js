// Numbers and errors in words.

export function bytes(count) {
  if (count < 1e5) return `${Math.ceil(count / 1e3)} kB`;
  return `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} MB`;
}

export function seconds(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Where noise is on the way from a seed to another one. */
export const tellNoise = ({ towards, position }) => `${Math.round(1000 * position) / 10} % of the way to seed ${towards}`;

/** A seed, and where the noise is from there. */
export const tellSeed = ({ seed, noise }) => `seed ${seed}${noise ? `, ${tellNoise(noise)}` : ""}`;

/** A word as it is shown: nobody reads two thousand letters. */
export const shortened = (word) => (word.length > 24 ? `${word.slice(0, 23)}…` : word);

export function list(words) {
  const quoted = words.map((word) => `“${shortened(word)}”`);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}`;
}

/** How long a generation took, where, and what it needed. */
export function timings({ device, milliseconds, seed }, { adapter, memory, threads }) {
  const cpu = `${threads} ${threads === 1 ? "thread" : "threads"} of the CPU`;
  const where = device === "webgpu" ? `WebGPU (${adapter?.description || adapter?.vendor || "unnamed"})` : cpu;
  return `${seconds(milliseconds)} on ${where}, ${bytes(memory)} of memory, seed ${seed}`;
}

/** Sentences on the words that a model does not know or that are too many; empty where it has heard all. */
export function leftOut(tokens, maxWords = Infinity) {
  const many = tokens.filter((token) => token.known).length > maxWords ? ` Only the first ${maxWords} words that it knows count.` : "";
  const unknown = [...new Set(tokens.filter((token) => !token.known).map((token) => token.word))];
  if (!unknown.length) return many;
  const more = unknown.length > 5 ? ` and ${unknown.length - 5} more words` : "";
  return ` The model does not know ${list(unknown.slice(0, 5))}${more}; left out.${many}`;
}

/** With a capital letter and a full stop. */
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/[.]?$/, ".");

/** A title and what to do, for any error of the engine; `again` is what starts the work anew. */
export function explain(error, again = "Press Draw") {
  // Addresses as the visitor would say them: without the site.
  const details = (error?.message ?? String(error)).replaceAll(document.baseURI.replace(/[^/]*$/, ""), "");
  switch (error?.code) {
    case "empty-prompt":
      return error.words?.length
        ? {
            title: "The model knows none of these words.",
            text: `${list(error.words)} did not occur in the descriptions it learned from. Try colours, shapes and parts, as in the examples.`,
          }
        : { title: "There is nothing to draw yet.", text: "Write what the picture should show, or take one of the examples." };
    case "unsupported":
      return { title: "This browser cannot do it.", text: details };
    case "network":
      return navigator.onLine
        ? { title: "The model could not be downloaded.", text: `${details}. ${again} to try again.` }
        : { title: "You are offline, and the model could not be downloaded.", text: `Connect, then ${again.charAt(0).toLowerCase()}${again.slice(1)} again.` };
    case "integrity":
      return { title: "A file arrived damaged.", text: `${details}. ${again} to try again.` };
    case "bad-model":
      return { title: "This model cannot be used.", text: details };
    case "out-of-memory":
      return { title: "There is not enough memory.", text: `Close other tabs. Then ${again.charAt(0).toLowerCase()}${again.slice(1)} again.` };
    case "device-lost":
      return { title: "The graphics device stopped working.", text: `${again} to try again, or compute on the CPU.` };
    case "crashed":
      return { title: "The engine stopped.", text: `It starts anew with the next picture. (${details})` };
    case "bad-input":
      return { title: "That cannot be used.", text: `${sentence(details)} The page works on as before.` };
    default:
      return { title: "That did not work.", text: details };
  }
}
