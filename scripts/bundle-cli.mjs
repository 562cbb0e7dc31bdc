// Puts the command line into a few files: to load its two hundred modules one by one takes twice as long as Node needs to
// start. Each command stays in a file of its own, which is loaded when it is asked for.
import { copyFileSync, renameSync, rmSync } from "node:fs";
import { build } from "esbuild";

const root = new URL("../", import.meta.url).pathname;
const [cli, bundled] = [`${root}dist/cli`, `${root}dist/cli-bundled`];

/** For programs that it starts commander loads Node's child processes, and with them its sockets; it starts none here. */
const noPrograms = {
  name: "no-programs",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes("/commander/") ? { path: "none", namespace: "none" } : undefined,
    );
    onLoad({ filter: /^none$/, namespace: "none" }, () => ({ contents: "module.exports = {};" }));
  },
};

await build({
  absWorkingDir: root,
  entryPoints: [`${cli}/main.js`],
  outdir: bundled,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  plugins: [noPrograms],
  external: ["koffi", "dns-packet"], // the one has native code, the other is seldom needed
  chunkNames: "_[name]-[hash]",
  // commander is CommonJS, and requires modules of Node.
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module";\nconst require = requireFrom(import.meta.url);',
  },
  // Names stay as they are: errors are told by them.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
});
copyFileSync(`${root}node_modules/commander/LICENSE`, `${bundled}/commander.LICENSE`);
rmSync(cli, { recursive: true });
renameSync(bundled, cli);
