/** The extensions of an ICMP error, RFC 4884, in what a socket's error queue holds of it. */
import { decodeIcmp, type IcmpExtensionObject, WireError } from "../wire/index.ts";

/** Where extensions begin that come without a length: behind so many bytes from the quoted IP header on, RFC 4884 §5.5. */
const USUAL_AT = 128;
const ICMP_HEADER = 8;
const TIME_EXCEEDED = 11;
const LENGTH_AT = 5;
/** `SO_EE_RFC4884_FLAG_INVALID`, include/uapi/linux/errqueue.h. */
const INVALID = 1;

const NONE: readonly IcmpExtensionObject[] = [];

/**
 * @param data what the queue holds: the quoted packet from some header on, and what follows it
 * @param stripped how many bytes of the quoted packet are missing in front of it
 * @param told `ee_data`, struct sock_ee_data_rfc4884: where in `data` the extensions begin, 16 bits, and flags, 8 bits; 0 for what
 * has no length field, and of old kernels
 */
export function extensionsIn(
  data: Uint8Array,
  stripped: number,
  told: number,
): readonly IcmpExtensionObject[] {
  const [length, flags] = [told & 0xffff, (told >>> 16) & 0xff];
  if ((flags & INVALID) !== 0) return NONE;
  const at = length > 0 ? length : USUAL_AT - stripped;
  if (at < 0 || at + 4 > data.length) return NONE;
  const structure = data.subarray(at);
  // As the message of a router; without a length the codec takes extensions only with a checksum that is right.
  const message = new Uint8Array(ICMP_HEADER + USUAL_AT + structure.length);
  message[0] = TIME_EXCEEDED;
  message[LENGTH_AT] = length > 0 ? USUAL_AT / 4 : 0;
  message.set(structure, ICMP_HEADER + USUAL_AT);
  try {
    return decodeIcmp(message).extensions?.objects ?? NONE;
  } catch (error) {
    if (error instanceof WireError) return NONE;
    throw error;
  }
}
