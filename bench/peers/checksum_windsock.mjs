// How fast Windsock sums: `checksum_windsock.mjs BYTES`, so many of each length.
import { internetChecksum } from "../../dist/bytes/index.js";
import { report, waitForGo } from "./_control.mjs";
import { cost } from "./_passes.mjs";

const total = Number(process.argv[2]);
const result = {};
await waitForGo();
for (const size of [20, 64, 1480, 65535]) {
  const bytes = Uint8Array.from({ length: size }, (_, at) => at * 7);
  let seen = 0;
  const ns = cost(Math.ceil(total / 9 / Math.max(size, 200)), () => {
    seen ^= internetChecksum(bytes);
    bytes[0]++;
  });
  if (Number.isNaN(seen)) throw new Error("no sum");
  result[`of${size}`] = size / ns;
}
report(result);
