// Makes `npx windsock` work inside the checkout: npm links the commands of dependencies, but not a package's own.
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";

const root = new URL("../", import.meta.url).pathname;
chmodSync(`${root}dist/cli/main.js`, 0o755);
if (existsSync(`${root}node_modules`)) {
  mkdirSync(`${root}node_modules/.bin`, { recursive: true });
  rmSync(`${root}node_modules/.bin/windsock`, { force: true });
  symlinkSync("../../dist/cli/main.js", `${root}node_modules/.bin/windsock`);
}
