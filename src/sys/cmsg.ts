/** Control messages, cmsg(3): ancillary data between its parts and the one buffer that the kernel takes and gives. */
import { cmsghdr } from "./structs.ts";

/** One control message. */
export interface ControlMessage {
  /** SOL_SOCKET, IPPROTO_IP … */
  readonly level: number;
  /** SCM_RIGHTS, IP_PKTINFO … */
  readonly type: number;
  readonly data: Uint8Array;
}

const HEADER = cmsghdr.size;
const LEN = cmsghdr.offsetOf("cmsg_len");
const LEVEL = cmsghdr.offsetOf("cmsg_level");
const TYPE = cmsghdr.offsetOf("cmsg_type");

/** `CMSG_ALIGN`: 8 on 64-bit systems. */
const align = (length: number): number => (length + 7) & ~7;

/** `CMSG_SPACE`: the room that a control message with so many bytes of data takes. */
export function CMSG_SPACE(dataBytes: number): number {
  return HEADER + align(dataBytes);
}

/** The buffer for `msg_control`. */
export function encodeControl(messages: readonly ControlMessage[]): Uint8Array {
  const total = messages.reduce((sum, { data }) => sum + CMSG_SPACE(data.length), 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const { level, type, data } of messages) {
    view.setBigUint64(offset + LEN, BigInt(HEADER + data.length), true);
    view.setInt32(offset + LEVEL, level, true);
    view.setInt32(offset + TYPE, type, true);
    bytes.set(data, offset + HEADER);
    offset += CMSG_SPACE(data.length);
  }
  return bytes;
}

/**
 * The control messages in what the kernel has filled. Ends quietly where a header is cut or impossible, as
 * `CMSG_NXTHDR` does; that some were cut off is said by MSG_CTRUNC.
 * @returns their data as views of `bytes`
 */
export function decodeControl(bytes: Uint8Array): ControlMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const messages: ControlMessage[] = [];
  for (let offset = 0; offset + HEADER <= bytes.length; ) {
    const length = view.getUint32(offset + LEN, true); // the upper half is never used, and is padding in musl
    if (length < HEADER || offset + length > bytes.length) break;
    messages.push({
      level: view.getInt32(offset + LEVEL, true),
      type: view.getInt32(offset + TYPE, true),
      data: bytes.subarray(offset + HEADER, offset + length),
    });
    offset += align(length);
  }
  return messages;
}
