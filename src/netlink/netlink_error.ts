/** NetlinkError: what the kernel says to a request that it refuses, with its extended acknowledgement. */
import { SysError } from "../sys/index.ts";
import { NLA_TYPE_MASK, NLM_F_ACK_TLVS, NLM_F_CAPPED } from "./_constants.ts";
import { type AttributesOf, attributeTable } from "./attribute_table.ts";
import { binary, s64, text, u32, u64 } from "./attribute_types.ts";
import { align, eachAttribute, get16, get32 } from "./attributes.ts";
import { MESSAGE_HEADER_LEN } from "./message.ts";

/** What the kernel says beside the errno. Every part of it is optional: some errors come without any. */
export interface ExtendedAck {
  /** The kernel's sentence, as `"Nexthop has invalid gateway"`. */
  readonly message?: string;
  /** Where in the request, in bytes from the message's header, the attribute is that it objects to. */
  readonly offset?: number;
  /** The types of that attribute and of those around it, outermost first. */
  readonly attributePath?: readonly number[];
  /** The type of a required attribute that is missing. */
  readonly missingType?: number;
  /** Where the nest is in which it is missing; the top where it is not told. */
  readonly missingNest?: number;
  /** What some answers are told apart by, as the kernel part defines it. */
  readonly cookie?: Uint8Array;
  /** What the attribute would have to be, where it breaks the kernel's policy. */
  readonly policy?: AttributesOf<typeof POLICY_ROWS>;
}

/** enum netlink_policy_type_attr, include/uapi/linux/netlink.h, v6.12 */
const POLICY_ROWS = {
  TYPE: [1, u32],
  MIN_VALUE_S: [2, s64],
  MAX_VALUE_S: [3, s64],
  MIN_VALUE_U: [4, u64],
  MAX_VALUE_U: [5, u64],
  MIN_LENGTH: [6, u32],
  MAX_LENGTH: [7, u32],
  POLICY_IDX: [8, u32],
  POLICY_MAXTYPE: [9, u32],
  BITFIELD32_MASK: [10, u32],
  MASK: [12, u64],
} as const;

/** What the kernel wants of one attribute. */
export const POLICY = attributeTable("NL_POLICY_TYPE_ATTR_", POLICY_ROWS, 11);

/** enum nlmsgerr_attrs, include/uapi/linux/netlink.h, v6.12 */
const NLMSGERR = attributeTable("NLMSGERR_ATTR_", {
  MSG: [1, text],
  OFFS: [2, u32],
  COOKIE: [3, binary],
  POLICY: [4, POLICY],
  MISS_TYPE: [5, u32],
  MISS_NEST: [6, u32],
});

/** The kernel has refused a request. */
export class NetlinkError extends SysError {
  readonly extendedAck: ExtendedAck;

  /** @param request the request's name, as `"RTM_NEWLINK"` */
  constructor(
    number: number,
    request: string,
    extendedAck: ExtendedAck = {},
    hint?: string,
    subject?: string,
  ) {
    const { message, missingType } = extendedAck;
    const missing = missingType === undefined ? undefined : `an attribute of type ${missingType} is missing`;
    super(number, request, { hint: message?.replace(/\.$/, "") ?? hint ?? missing, address: subject });
    this.extendedAck = extendedAck;
  }
}

/**
 * Reads what follows the errno of an NLMSG_ERROR or NLMSG_DONE.
 * @param start behind the errno
 * @param echoed whether the request stands there first, or its header alone (NLM_F_CAPPED)
 * @param request what was sent, in which offsets are looked up, and where its attributes begin, if that is known
 */
export function readExtendedAck(
  bytes: Uint8Array,
  start: number,
  end: number,
  flags: number,
  echoed: boolean,
  request: { readonly bytes: Uint8Array; readonly headerLength: number | undefined },
): ExtendedAck {
  if ((flags & NLM_F_ACK_TLVS) === 0 || (echoed && end - start < MESSAGE_HEADER_LEN)) return {};
  const whole = !echoed ? 0 : flags & NLM_F_CAPPED ? MESSAGE_HEADER_LEN : get32(bytes, start);
  const length = Math.min(whole, end - start); // before it is rounded up, which wants 31 bits
  const told = NLMSGERR.decode(bytes, Math.min(start + align(length), end), end);
  const { MSG: message, OFFS: offset, COOKIE: cookie, POLICY: policy, MISS_TYPE, MISS_NEST } = told;
  const path = offset === undefined ? [] : pathTo(request.bytes, offset, request.headerLength);
  return {
    ...(message !== undefined && { message }),
    ...(offset !== undefined && { offset }),
    ...(path.length > 0 && { attributePath: path }),
    ...(cookie !== undefined && { cookie }),
    ...(policy !== undefined && { policy }),
    ...(MISS_TYPE !== undefined && { missingType: MISS_TYPE }),
    ...(MISS_NEST !== undefined && { missingNest: MISS_NEST }),
  };
}

/** The types of the attributes that an offset lies in. Where the first one begins, the family's header decides. */
function pathTo(request: Uint8Array, offset: number, headerLength: number | undefined): readonly number[] {
  if (offset < MESSAGE_HEADER_LEN || offset + 4 > request.length) return [];
  const first = MESSAGE_HEADER_LEN + align(headerLength ?? 0);
  // Where it is not known, it is found by trying. The innermost type is known for sure.
  const last = headerLength === undefined ? offset : first;
  for (let start = first; start <= last; start += 4) {
    const path = descend(request, start, request.length, offset);
    if (path !== undefined) return path;
  }
  return [get16(request, offset + 2) & NLA_TYPE_MASK];
}

function descend(bytes: Uint8Array, start: number, end: number, offset: number): number[] | undefined {
  let found: number[] | undefined;
  try {
    eachAttribute(bytes, start, end, (type, from, to) => {
      if (from - 4 === offset) found = [type & NLA_TYPE_MASK];
      else if (from <= offset && offset < to) {
        const inner = descend(bytes, from, to, offset);
        if (inner !== undefined) found = [type & NLA_TYPE_MASK, ...inner];
      }
    });
  } catch {
    return undefined;
  }
  return found;
}
