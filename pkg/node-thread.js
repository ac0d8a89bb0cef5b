// thread.js in a worker thread of Node.js.

import "./node-scope.js";

await import("./thread.js");
