// Noise other than a seed's own: on the way to another seed's, or the numbers themselves.

import { checkSeed } from "./check.js";
import { bad, messageOf } from "./errors.js";
import { show } from "./show.js";

const EXPECTED = "expected { towards: seed, position } or { z, epsilon }";

/** `noise` as what the engine takes; `sizes` says how many numbers each of `count` pictures needs. */
export function checkNoise(noise, sizes, count) {
  if (noise === undefined || noise === null) return undefined;
  if (typeof noise !== "object") throw bad(`noise is ${show(noise)}; ${EXPECTED}`);
  let given;
  try {
    given = ["towards", "position", "z", "epsilon"].filter((name) => noise[name] !== undefined && noise[name] !== null);
  } catch (error) {
    throw bad(`noise could not be read: ${messageOf(error)}`, error);
  }
  if (given.join() === "towards,position") {
    const { towards, position } = noise;
    if (typeof position !== "number" || !(position >= 0 && position <= 1)) throw bad(`noise.position is ${show(position)}; expected 0 to 1`);
    return { towards: checkSeed(towards), position };
  }
  if (given.join() !== "z,epsilon") throw bad(`noise has ${given.join(" and ") || "nothing"}; ${EXPECTED}`);
  return { z: checkNumbers("noise.z", noise.z, sizes.z, count), epsilon: checkNumbers("noise.epsilon", noise.epsilon, sizes.epsilon, count) };
}

/** An array or a typed array of finite numbers, as what the engine takes. */
function checkNumbers(name, values, size, count) {
  const numbers = Array.isArray(values) || (ArrayBuffer.isView(values) && !(values instanceof DataView)) ? Array.from(values) : null;
  if (numbers === null) throw bad(`${name} is ${show(values)}; expected an array of numbers`);
  if (numbers.length !== size * count) throw bad(`${name} has ${numbers.length} numbers; expected ${size} for each of ${count} pictures`);
  if (!numbers.every((value) => typeof value === "number" && Number.isFinite(value))) throw bad(`${name} has something that is no finite number`);
  return Float32Array.from(numbers);
}
