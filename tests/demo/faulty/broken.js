throw new Error("a Worker that never runs");
