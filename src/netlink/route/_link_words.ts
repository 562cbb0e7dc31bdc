/** Words of links: include/uapi/linux/if.h, if_arp.h and if_link.h, v6.12. */
import { flagWords, words } from "../_words.ts";

/** ARPHRD_… */
export const LINK_TYPE = words(
  {
    netrom: 0,
    ether: 1,
    slip: 256,
    ppp: 512,
    tunnel: 768,
    tunnel6: 769,
    loopback: 772,
    sit: 776,
    gre: 778,
    infiniband: 32,
    ieee80211: 801,
    "ieee80211/radiotap": 803,
    ieee802154: 804,
    netlink: 824,
    "6lowpan": 825,
    ip6gre: 823,
    can: 280,
    none: 0xfffe,
    void: 0xffff,
  },
  0xffff,
);
export type LinkType = ReturnType<(typeof LINK_TYPE)["word"]>;

/** The number of a link's type. @throws {TypeError | RangeError} */
export function linkTypeNumber(type: LinkType): number {
  return LINK_TYPE.number(type, "type");
}

/** IFF_…, in the order in which ip(8) prints them. */
export const LINK_FLAGS = flagWords({
  LOOPBACK: 0x8,
  BROADCAST: 0x2,
  POINTOPOINT: 0x10,
  MULTICAST: 0x1000,
  NOARP: 0x80,
  ALLMULTI: 0x200,
  PROMISC: 0x100,
  MASTER: 0x400,
  SLAVE: 0x800,
  DEBUG: 0x4,
  DYNAMIC: 0x8000,
  AUTOMEDIA: 0x4000,
  PORTSEL: 0x2000,
  NOTRAILERS: 0x20,
  UP: 0x1,
  LOWER_UP: 0x10000,
  DORMANT: 0x20000,
  ECHO: 0x40000,
  RUNNING: 0x40,
});
export type LinkFlag = ReturnType<(typeof LINK_FLAGS)["list"]>[number];

/** IF_OPER_…, RFC 2863 */
export const OPER_STATE = words(
  { unknown: 0, notPresent: 1, down: 2, lowerLayerDown: 3, testing: 4, dormant: 5, up: 6 },
  255,
);
export type OperState = ReturnType<(typeof OPER_STATE)["word"]>;

/** IF_LINK_MODE_… */
export const LINK_MODE = words({ default: 0, dormant: 1 }, 255);

/** IN6_ADDR_GEN_MODE_… */
export const ADDR_GEN_MODE = words({ eui64: 0, none: 1, stablePrivacy: 2, random: 3 }, 255);

/** MACVLAN_MODE_… */
export const MACVLAN_MODE = words({ private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 }, 0xffff_ffff);
