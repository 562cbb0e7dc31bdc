// How long one import takes in a fresh process: `import.mjs SPECIFIER`. Only then does it look at stdin and stdout.
const began = performance.now();
await import(process.argv[2]);
const ms = performance.now() - began;
const { report } = await import("./_control.mjs");
report({ ms });
