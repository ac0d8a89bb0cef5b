// Where the files of a model lie: in a folder at an address, at an address each, or in the caller's hands.

import { MirrorGanError, bad, messageOf } from "./errors.js";
import { isAddress, isBlob, isBytes, kindOf } from "./kinds.js";
import { platform } from "./platform.js";
import { show } from "./show.js";

const CONFIG = "config.json";

function address(value, what) {
  let url;
  try {
    url = platform.resolve(value);
    // Not data: and the like, which have no files below them.
    if (!what) new URL(CONFIG, url);
  } catch (error) {
    throw bad(`${what ?? ""}${typeof value === "string" ? show(value) : "the URL"} is no address: ${messageOf(error)}`, error);
  }
  url.hash = "";
  return url;
}

/** Names and places, of a Map, of an object, of the files of a picker. */
function entriesOf(model) {
  if (kindOf(model) === "Map") return [...model];
  if (typeof model[Symbol.iterator] === "function") return Array.from(model, (file) => [file?.name, file]);
  return Object.entries(model);
}

function fileOf([name, value]) {
  if (isAddress(value)) return [name, address(value, `${name}: `).href];
  if (isBlob(value)) return [name, value];
  if (isBytes(value)) return [name, new Blob([value])];
  throw bad(`${show(name)} of the model is ${show(value)}; expected an address, a Blob or bytes`);
}

/**
 * A model as a Worker can be sent it: `folder`, an address with a slash at the end of its path, or `files`, addresses and Blobs by name; and
 * `init`, what each request is made with.
 */
export function checkModel(model, init) {
  const request = checkFetch(init);
  if (model === "") throw bad("the model is an empty string; expected the address of its folder");
  if (isAddress(model)) {
    const url = address(model);
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return { folder: url.href, files: {}, init: request };
  }
  if (typeof model !== "object" || model === null) {
    throw bad(`the model is ${show(model)}; expected the address of its folder, a string or a URL, or its files by name`);
  }
  let files;
  try {
    files = Object.fromEntries(entriesOf(model).map(fileOf));
  } catch (error) {
    throw error instanceof MirrorGanError ? error : bad(`the model's files could not be read: ${messageOf(error)}`, error);
  }
  if (!files[CONFIG]) throw bad("there is no config.json among the model's files");
  return { folder: null, files, init: request };
}

/** What fetch shall be given besides: headers, credentials, referrerPolicy. */
function checkFetch(init) {
  if (init === undefined || init === null) return {};
  if (typeof init !== "object") throw bad(`fetch is ${show(init)}; expected an object with headers or credentials, as fetch() takes it`);
  try {
    const { headers, credentials, referrerPolicy } = init;
    const chosen = Object.fromEntries(Object.entries({ credentials, referrerPolicy }).filter(([, value]) => value !== undefined));
    if (headers) chosen.headers = [...new Headers(headers)];
    new Request("https://nowhere.invalid/", chosen);
    return chosen;
  } catch (error) {
    throw bad(`what fetch shall be given cannot be used: ${messageOf(error)}`, error);
  }
}

/** The address of a file of a model, or a Blob. The query, such as a signature, is the folder's. */
export function locate({ folder, files }, file) {
  if (folder === null) {
    if (Object.hasOwn(files, file)) return files[file];
    throw bad(`there is no ${file} among the model's files`);
  }
  const url = new URL(folder);
  const { search } = url;
  if (/[\\/:]/.test(file)) throw new MirrorGanError("bad-model", `config.json lists ${file}, which is no file's name`);
  return Object.assign(new URL(file, url), { search }).href;
}

/** Whether an address without its query is of this model. */
export function isOf({ folder, files }) {
  const bare = (href) => href.replace(/[?#].*/s, "");
  if (folder !== null) return (place) => place.startsWith(bare(folder));
  const places = Object.values(files).filter(isAddress).map(bare);
  return (place) => places.includes(place);
}
