/** On a platform without these sockets: the import fails with one clear error, and the pure parts work. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { moduleUrl, runNode } from "./_child.ts";

/** Makes the process believe that it runs elsewhere. tsx starts its compiler before that, for the real platform. */
const elsewhere = (property: "platform" | "arch", value: string): string => `
  await import(${moduleUrl("src/bytes/hex.ts")});
  Object.defineProperty(process, ${JSON.stringify(property)}, { value: ${JSON.stringify(value)} });
  const nativeLoaded = () => process.report.getReport().sharedObjects.some((path) => path.includes("koffi"));
`;

const PLATFORMS = [
  ["platform", "darwin"],
  ["platform", "win32"],
  ["platform", "freebsd"],
  ["arch", "riscv64"],
  ["arch", "ia32"],
] as const;

for (const [property, value] of PLATFORMS) {
  for (const path of ["src/index.ts", "src/sys/index.ts", "src/names/index.ts", "src/socket/index.ts"]) {
    if (path !== "src/index.ts" && value !== "darwin") continue;
    test(`${property} ${value}: importing ${path} fails, and says what is supported`, async () => {
      const { stdout, stderr, status } = await runNode(`${elsewhere(property, value)}
        const errors = [];
        for (let i = 0; i < 2; i++) await import(${moduleUrl(path)}).catch((error) => errors.push(error));
        console.log(JSON.stringify({ errors: errors.map(String), native: nativeLoaded() }));`);
      assert.equal(status, 0, stderr);
      const { errors, native } = JSON.parse(stdout) as { errors: string[]; native: boolean };
      assert.equal(errors.length, 2);
      assert.equal(errors[0], errors[1]);
      assert.match(errors[0] as string, /^Error: windsock: .*supported on Linux \(x64, arm64\).*Node\.js/);
      assert.ok(errors[0]?.includes(value), errors[0]);
      assert.match(errors[0] as string, /windsock\/bytes.*windsock\/ip/);
      assert.equal(native, false, "koffi's binary was loaded");
    });
  }
}

test("the pure parts work there, and load nothing native", async () => {
  const { stdout, stderr, status } = await runNode(`${elsewhere("platform", "darwin")}
    const { SocketAddr } = await import(${moduleUrl("src/ip/index.ts")});
    const { struct, u16, be, toHex } = await import(${moduleUrl("src/bytes/index.ts")});
    console.log(String(SocketAddr.parse("[fe80::1%en0]:80")), toHex(struct("s", { port: be(u16) }).encode({ port: 80 })));
    console.log(nativeLoaded());`);
  assert.deepEqual([stdout, status], ["[fe80::1%en0]:80 0050\nfalse", 0], stderr);
});

test("the test would see it: on Linux the same import loads koffi", async () => {
  const { stdout, stderr } = await runNode(`${elsewhere("platform", "linux")}
    await import(${moduleUrl("src/sys/index.ts")});
    console.log(nativeLoaded());`);
  assert.equal(stdout, "true", stderr);
});
