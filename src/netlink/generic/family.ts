/** Families of generic netlink: what has which number in this kernel, and what it can be asked. */
import { WireError } from "../../bytes/index.ts";
import { flagWords } from "../_words.ts";
import type { Attribute } from "../attributes.ts";
import type { Message } from "../message.ts";
import { CTRL, GENL_HEADER_LEN, OPERATION_FLAGS } from "./_controller.ts";

/** A family, as the controller tells of it. */
export interface GenericFamily {
  readonly name: string;
  /** The type of its messages; given out when the family is registered, so it may differ from boot to boot. */
  readonly id: number;
  readonly version: number;
  /** Of the family's own header, between the generic one and the attributes; 0 for almost all. */
  readonly headerSize: number;
  /** The largest type of its attributes; 0 where each operation has its own. */
  readonly maxAttribute: number;
  readonly operations: readonly GenericOperation[];
  /** Its multicast groups: from name to number. */
  readonly groups: ReadonlyMap<string, number>;
  readonly unknown?: readonly Attribute[];
}

/** What a family can be asked. */
export interface GenericOperation {
  readonly command: number;
  /**
   * `adminPerm` wants CAP_NET_ADMIN in the initial user namespace, `unsAdminPerm` in the one that owns the network
   * namespace; `do` and `dump` say how it may be asked.
   */
  readonly flags: readonly GenericOperationFlag[];
}

const FLAGS = flagWords(OPERATION_FLAGS);
export type GenericOperationFlag = ReturnType<(typeof FLAGS)["list"]>[number];

/** A message of a family. Its bytes are only there during the call that hands it out. */
export interface GenericMessage extends Message {
  readonly command: number;
  readonly version: number;
  /** Where the family's own header begins, or, where it has none, the attributes. */
  readonly start: number;
}

/** @throws {WireError} `TRUNCATED` */
export function genericMessage(message: Message): GenericMessage {
  const { bytes, start, end } = message;
  if (end - start < GENL_HEADER_LEN) {
    const expected = `expected a header of ${GENL_HEADER_LEN} bytes, got ${end - start}`;
    throw new WireError("TRUNCATED", "genetlink", end, expected);
  }
  const [command, version] = [bytes[start] as number, bytes[start + 1] as number];
  return { ...message, command, version, start: start + GENL_HEADER_LEN };
}

/**
 * A family from what the controller answers.
 * @returns `undefined` for what names none
 * @throws {WireError}
 */
export function decodeFamily(message: Message): GenericFamily | undefined {
  const { bytes, start, end } = genericMessage(message);
  const a = CTRL.decode(bytes, start, end);
  if (a.FAMILY_ID === undefined || a.FAMILY_NAME === undefined) return undefined;
  const groups = new Map<string, number>();
  for (const { NAME, ID } of a.MCAST_GROUPS ?? []) {
    if (NAME !== undefined && ID !== undefined) groups.set(NAME, ID);
  }
  return {
    name: a.FAMILY_NAME,
    id: a.FAMILY_ID,
    version: a.VERSION ?? 0,
    headerSize: a.HDRSIZE ?? 0,
    maxAttribute: a.MAXATTR ?? 0,
    operations: (a.OPS ?? []).map(({ ID, FLAGS: flags }) => ({
      command: ID ?? 0,
      flags: FLAGS.list(flags ?? 0),
    })),
    groups,
    ...(a.unknown !== undefined && { unknown: a.unknown }),
  };
}
