// relaxed.js in Node.js. Arguments: the folder with both builds, rounds (default 15), numbers of threads (default 1,2). Times are
// the processor's, of all threads together, which other programs hardly change.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HEAD, MODELS, compare, rows } from "./relaxed.js";

const [folder, rounds = "15", threads = "1,2"] = process.argv.slice(2);
const [plain, relaxed] = await Promise.all(["plain", "relaxed"].map(async (kind) => (await import(pathToFileURL(join(folder, kind, "node.js")).href)).MirrorGan));
const now = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
console.log(`\nNode.js ${process.versions.node}, V8 ${process.versions.v8}\n\n${HEAD}`);
for (const model of MODELS) {
  for (const count of threads.split(",").map(Number)) {
    const results = await compare(plain, relaxed, join(import.meta.dirname, "../../models", model), count, Number(rounds), now);
    for (const row of rows(`Node.js ${process.versions.node}, processor time`, model, count, results)) console.log(row);
  }
}
