/** Compares samples with what packets and the program's own counts tell. */
import assert from "node:assert/strict";
import type { EndSample, QuantityName } from "../../src/observe/index.ts";
import { during, type EndAccount, type Moment } from "./_wire_account.ts";

/** A sample of an end, with what the program had written and read before and after it was taken. */
export interface Taken {
  readonly from: number;
  readonly to: number;
  readonly end: EndSample | undefined;
  readonly written: readonly [before: number, after: number];
  readonly read: readonly [before: number, after: number];
}

type Range = readonly [least: number, most: number];

const rangeOf = (values: readonly number[]): Range => [Math.min(...values), Math.max(...values)];
const minus = (a: Range, b: Range): Range => [a[0] - b[1], a[1] - b[0]];

/** Each quantity, as it is computed without the kernel's account. */
function expected(
  accounts: readonly EndAccount[],
  written: Range,
  read: Range,
): Partial<Record<QuantityName, Range>> {
  const of = (name: Exclude<keyof EndAccount, "state">): Range =>
    rangeOf(accounts.map((account) => account[name]));
  return {
    writtenBytes: written,
    notSentBytes: minus(written, of("sentBytes")),
    inFlightBytes: rangeOf(accounts.map(({ sentBytes, ackedBytes }) => sentBytes - ackedBytes)),
    ackedBytes: of("ackedBytes"),
    sentSegments: of("sentSegments"),
    windowSeenBytes: of("windowSeenBytes"),
    mssBytes: [of("leastMssBytes")[0], of("mssBytes")[1]],
    retransmittedSegments: of("retransmittedSegments"),
    retransmittedBytes: of("retransmittedBytes"),
    receivedBytes: of("receivedBytes"),
    readBytes: read,
    receiveQueueBytes: minus(of("receivedBytes"), read),
    windowAdvertisedBytes: of("windowAdvertisedBytes"),
    receivedSegments: of("receivedSegments"),
    outOfOrderPackets: [of("outOfOrderPackets")[0], of("mostOutOfOrderPackets")[1]],
  };
}

export interface Compared {
  /** How many values were within one sample of what was computed, and how many of them had to be exactly that. */
  readonly values: number;
  readonly exact: number;
  readonly states: ReadonlySet<string>;
}

/** @throws {AssertionError} where a quantity is not, within one sample, what the packets and the program say */
export function assertAsOnTheWire(
  name: string,
  taken: readonly Taken[],
  moments: readonly Moment[],
): Compared {
  let [values, exact] = [0, 0];
  const states = new Set<string>();
  for (const [index, { end, from, to }] of taken.entries()) {
    const before = taken[index - 1] ?? taken[index];
    const after = taken[index + 1] ?? taken[index];
    if (end === undefined || before === undefined || after === undefined) continue;
    const accounts = during(moments, before.from, after.to);
    const quantities = expected(
      accounts,
      [before.written[0], after.written[1]],
      [before.read[0], after.read[1]],
    );
    const possible = new Set(accounts.map(({ state }) => state));
    if (possible.has("gone")) possible.add("closed");
    if (possible.has("time-wait")) possible.add("closed");
    const where = `${name}, sample ${index} of ${taken.length} (${to - from} ms): `;
    assert.ok(possible.has(String(end.state)), `${where}${end.state}, not ${[...possible].join(" or ")}`);
    states.add(String(end.state));
    if (end.mssBytes === undefined) continue; // TIME-WAIT has no account
    for (const [quantity, [least, most]] of Object.entries(quantities) as [QuantityName, Range][]) {
      const value = end[quantity];
      assert.ok(
        value !== undefined && value >= least && value <= most,
        `${where}${quantity} ${value}, not ${least} … ${most}`,
      );
      values++;
      if (least === most) exact++;
    }
  }
  return { values, exact, states };
}
