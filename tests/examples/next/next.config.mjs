// For the route handler alone: on the server the package's Worker is a file of node_modules, not of a bundle.
export default { serverExternalPackages: ["mirrorgan"], outputFileTracingRoot: import.meta.dirname };
