// What every UDP receiver does with a datagram, and the gate at which it waits for the next burst: see udp_load.c.
import { openSync, readSync } from "node:fs";
import { announce, onReportRequest, report } from "./_control.mjs";

let datagrams = 0;
let bytes = 0;
let ports = 0;
let gate;
let gateAt = 0;
let burst = 0;
const byte = new Uint8Array(1);

/** Says the port, and returns when the load has sent its first burst. `burstDatagrams` come before the next wait. */
export function serve(port, gatePath, burstDatagrams) {
  burst = burstDatagrams;
  onReportRequest(() => report({ datagrams, bytes, ports }));
  announce(port);
  gate = openSync(gatePath, "r"); // waits for the load to open it
  waitAtGate();
}

/** Blocks until the next burst is there. When the load has ended, there is none to wait for any more. */
function waitAtGate() {
  gateAt = readSync(gate, byte) === 0 ? Number.POSITIVE_INFINITY : gateAt + burst;
}

/** Looks at the length of a datagram and at its sender. */
export function take(length, port) {
  datagrams++;
  bytes += length;
  ports += port;
  if (datagrams === gateAt) waitAtGate();
}
