/** VLAN tags, IEEE 802.1Q §9.6, as they stand between a link header and its EtherType. */
import { flag, put16, uint } from "./_encode.ts";
import {
  ETHERTYPE_OLD_QINQ,
  ETHERTYPE_SERVICE_VLAN,
  ETHERTYPE_VLAN,
  etherTypeName,
  etherTypeText,
} from "./_names.ts";
import { type TreeNode, u16 } from "./_pdu.ts";
import { WireError } from "./wire_error.ts";

/** In bytes: two of the tag's own EtherType, two of what it says. */
export const VLAN_TAG_LEN = 4;

/** One tag, the outermost being the first of a list. */
export interface VlanTag {
  /** The tag's EtherType: 0x8100 (802.1Q) unless told, 0x88a8 (802.1ad) for a provider's. */
  readonly tpid?: number | undefined;
  /** 0 … 7, the priority code point; 0 unless told. */
  readonly priority?: number | undefined;
  /** May be dropped first when there is no room. */
  readonly dropEligible?: boolean | undefined;
  /** 0 … 4095; 0 for a frame that has a priority only. */
  readonly vlanId: number;
}

/** A tag as it was read: all of it is there. */
export type ReadVlanTag = { readonly [K in keyof VlanTag]-?: Exclude<VlanTag[K], undefined> };

/** Whether a tag follows an EtherType, and another EtherType behind it. */
export function isVlan(etherType: number): boolean {
  return (
    etherType === ETHERTYPE_VLAN || etherType === ETHERTYPE_SERVICE_VLAN || etherType === ETHERTYPE_OLD_QINQ
  );
}

/**
 * The end of the tags, the first of which starts at `at`, being of the type `etherType`.
 * @throws {WireError} `TRUNCATED`
 */
export function tagsEnd(
  protocol: string,
  bytes: Uint8Array,
  etherType: number,
  at: number,
  end: number,
): number {
  let type = etherType;
  let next = at;
  while (isVlan(type)) {
    if (next + VLAN_TAG_LEN > end) {
      throw new WireError("TRUNCATED", protocol, end, "expected a VLAN tag, and the EtherType behind it");
    }
    type = u16(bytes, next + 2);
    next += VLAN_TAG_LEN;
  }
  return next;
}

/** How many bytes the tags take: {@link tagsEnd} has found them whole. */
export function tagsLength(bytes: Uint8Array, etherType: number, at: number): number {
  let type = etherType;
  let next = at;
  while (isVlan(type) && next + VLAN_TAG_LEN <= bytes.length) {
    type = u16(bytes, next + 2);
    next += VLAN_TAG_LEN;
  }
  return next - at;
}

/** Reads tags that take `lengthBytes`. */
export function readTags(
  bytes: Uint8Array,
  etherType: number,
  at: number,
  lengthBytes: number,
): readonly ReadVlanTag[] {
  const tags: ReadVlanTag[] = [];
  let tpid = etherType;
  for (let next = at; next < at + lengthBytes; next += VLAN_TAG_LEN) {
    const word = u16(bytes, next);
    tags.push({ tpid, priority: word >>> 13, dropEligible: (word & 0x1000) !== 0, vlanId: word & 0x0fff });
    tpid = u16(bytes, next + 2);
  }
  return tags;
}

/**
 * Makes tags with the type behind them.
 * @returns the first type, which stands before the tags, and the bytes of the tags, which end with `etherType`
 * @throws {TypeError | RangeError} that names the field
 */
export function writeTags(
  where: string,
  tags: readonly VlanTag[] | undefined,
  etherType: number,
): { readonly first: number; readonly bytes: Uint8Array } {
  if (tags === undefined) return { first: etherType, bytes: new Uint8Array(0) };
  if (!Array.isArray(tags)) throw new TypeError(`${where}: expected an array, got ${String(tags)}`);
  const bytes = new Uint8Array(tags.length * VLAN_TAG_LEN);
  let first = etherType;
  for (let index = tags.length - 1; index >= 0; index--) {
    const at = `${where}[${index}]`;
    const tag = tags[index] as VlanTag;
    if (typeof tag !== "object" || tag === null)
      throw new TypeError(`${at}: expected a tag, got ${String(tag)}`);
    const { tpid, priority, dropEligible, vlanId } = tag;
    const word =
      (uint(`${at}.priority`, priority ?? 0, 3) << 13) |
      (flag(`${at}.dropEligible`, dropEligible) ? 0x1000 : 0) |
      uint(`${at}.vlanId`, vlanId, 12);
    put16(bytes, index * VLAN_TAG_LEN, word);
    put16(bytes, index * VLAN_TAG_LEN + 2, first);
    first = uint(`${at}.tpid`, tpid ?? ETHERTYPE_VLAN, 16);
  }
  return { first, bytes };
}

/** `"vlan 7, "` per tag, for one-line texts. */
export function tagsText(tags: readonly ReadVlanTag[]): string {
  return tags.map(({ vlanId, priority }) => `vlan ${vlanId}, p ${priority}, `).join("");
}

/** A node per tag; `typeAt` is where the first tag's type stands. */
export function tagNodes(tags: readonly ReadVlanTag[], typeAt: number, at: number): readonly TreeNode[] {
  return tags.map(({ tpid, priority, dropEligible, vlanId }, index) => {
    const word = at + index * VLAN_TAG_LEN;
    const type = index === 0 ? typeAt : word - 2;
    const bits = (name: string, label: string, text: string, from: number, width: number): TreeNode => ({
      name,
      label,
      text,
      offset: word + (from >>> 3),
      lengthBytes: from + width > 8 && from < 8 ? 2 : 1,
      bits: { offset: from, width },
    });
    return {
      name: "tag",
      label: `${etherTypeName(tpid)} tag`,
      text: `VLAN ${vlanId}`,
      offset: word,
      lengthBytes: 2,
      children: [
        {
          name: "tpid",
          label: "Tag Protocol Identifier",
          text: etherTypeText(tpid),
          offset: type,
          lengthBytes: 2,
        },
        bits("priority", "Priority Code Point", String(priority), 0, 3),
        bits("dropEligible", "Drop Eligible Indicator", String(dropEligible), 3, 1),
        bits("vlanId", "VLAN Identifier", String(vlanId), 4, 12),
      ],
    };
  });
}
