// relaxed.js in Node.js. Arguments: the folder with both builds, rounds (default 15).

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HEAD, MODELS, compare, rows } from "./relaxed.js";

const [folder, rounds = "15"] = process.argv.slice(2);
const [plain, relaxed] = await Promise.all(["plain", "relaxed"].map(async (kind) => (await import(pathToFileURL(join(folder, kind, "node.js")).href)).MirrorGan));
console.log(`\nNode.js ${process.versions.node}, V8 ${process.versions.v8}\n\n${HEAD}`);
for (const model of MODELS) {
  for (const threads of [1, 2]) {
    const results = await compare(plain, relaxed, join(import.meta.dirname, "../../models", model), threads, Number(rounds));
    for (const row of rows(`Node.js ${process.versions.node}`, model, threads, results)) console.log(row);
  }
}
