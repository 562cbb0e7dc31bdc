// The packet that the wire peers decode: IPv4 and TCP with timestamps, and five bytes of data.
export const PACKET =
  "450000391c4640004006b6830a0000010a00000207d00050000000010000000280180fff1f8a0000" +
  "0101080a000000010000000268656c6c6f";

/** Many packets, so that none is read from a register: they differ in ports and sequence numbers. */
export function packets(count, make) {
  return Array.from({ length: count }, (_, index) => {
    const bytes = make(PACKET);
    bytes[21] = index;
    bytes[27] = index;
    return bytes;
  });
}
