// The package's Worker, with a way to make it fail.
import "./faults.js";
import "../pkg/worker.js";
