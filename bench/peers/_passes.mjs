// What a call costs, for the option peers: the median of several passes.
const PASSES = 9;

/** Nanoseconds of processor time for each call of `once(turn)`. `calls` is even, so that the last turn is odd. */
export function cost(calls, once) {
  const passes = new Float64Array(PASSES);
  for (let pass = -2; pass < PASSES; pass++) {
    const before = process.cpuUsage();
    for (let turn = 0; turn < calls; turn++) once(turn);
    const { user, system } = process.cpuUsage(before);
    if (pass >= 0) passes[pass] = ((user + system) * 1e3) / calls; // the first two warm up
  }
  return passes.sort()[PASSES >> 1];
}
