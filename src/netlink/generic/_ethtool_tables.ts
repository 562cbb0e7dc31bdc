/** Numbers and attributes of ethtool's messages: include/uapi/linux/ethtool_netlink.h and ethtool.h, v6.12. */

import { words } from "../_words.ts";
import { attributeTable } from "../attribute_table.ts";
import { flag, repeated, text, u8, u32 } from "../attribute_types.ts";
import { bitset } from "./bitset.ts";

/** ETHTOOL_FLAG_… of the requests' headers. */
export const FLAG_COMPACT_BITSETS = 1;

/** Of requests; where they are answered, the answer's number is beside them, and that of the notification. */
export const COMMANDS = {
  STRSET_GET: 1,
  LINKINFO_GET: 2,
  LINKMODES_GET: 4,
  LINKSTATE_GET: 6,
  FEATURES_GET: 11,
  FEATURES_SET: 12,
  RINGS_GET: 15,
  RINGS_SET: 16,
  CHANNELS_GET: 17,
  CHANNELS_SET: 18,
} as const;

/** Of notifications. */
export const [LINKINFO_NTF, LINKMODES_NTF, FEATURES_NTF, RINGS_NTF, CHANNELS_NTF] = [
  3, 5, 13, 17, 19,
] as const;
export const FEATURES_SET_REPLY = 12;

export const HEADER = attributeTable("ETHTOOL_A_HEADER_", {
  DEV_INDEX: [1, u32],
  DEV_NAME: [2, text],
  FLAGS: [3, u32],
  PHY_INDEX: [4, u32],
});

const STRING = attributeTable("ETHTOOL_A_STRING_", { INDEX: [1, u32], VALUE: [2, text] });
const STRINGSET = attributeTable("ETHTOOL_A_STRINGSET_", {
  ID: [1, u32],
  COUNT: [2, u32],
  STRINGS: [3, repeated(1, STRING)],
});
export const STRSET = attributeTable("ETHTOOL_A_STRSET_", {
  HEADER: [1, HEADER],
  STRINGSETS: [2, repeated(1, STRINGSET)],
  COUNTS_ONLY: [3, flag],
});

export const LINKINFO = attributeTable("ETHTOOL_A_LINKINFO_", {
  HEADER: [1, HEADER],
  PORT: [2, u8],
  PHYADDR: [3, u8],
  TP_MDIX: [4, u8],
  TP_MDIX_CTRL: [5, u8],
  TRANSCEIVER: [6, u8],
});

export const LINKMODES = attributeTable("ETHTOOL_A_LINKMODES_", {
  HEADER: [1, HEADER],
  AUTONEG: [2, u8],
  OURS: [3, bitset],
  PEER: [4, bitset],
  SPEED: [5, u32],
  DUPLEX: [6, u8],
  MASTER_SLAVE_CFG: [7, u8],
  MASTER_SLAVE_STATE: [8, u8],
  LANES: [9, u32],
  RATE_MATCHING: [10, u8],
});

export const LINKSTATE = attributeTable("ETHTOOL_A_LINKSTATE_", {
  HEADER: [1, HEADER],
  LINK: [2, u8],
  SQI: [3, u32],
  SQI_MAX: [4, u32],
  EXT_STATE: [5, u8],
  EXT_SUBSTATE: [6, u8],
  EXT_DOWN_CNT: [7, u32],
});

export const FEATURES = attributeTable("ETHTOOL_A_FEATURES_", {
  HEADER: [1, HEADER],
  HW: [2, bitset],
  WANTED: [3, bitset],
  ACTIVE: [4, bitset],
  NOCHANGE: [5, bitset],
});

export const RINGS = attributeTable("ETHTOOL_A_RINGS_", {
  HEADER: [1, HEADER],
  RX_MAX: [2, u32],
  RX_MINI_MAX: [3, u32],
  RX_JUMBO_MAX: [4, u32],
  TX_MAX: [5, u32],
  RX: [6, u32],
  RX_MINI: [7, u32],
  RX_JUMBO: [8, u32],
  TX: [9, u32],
  RX_BUF_LEN: [10, u32],
  TCP_DATA_SPLIT: [11, u8],
  CQE_SIZE: [12, u32],
  TX_PUSH: [13, u8],
  RX_PUSH: [14, u8],
  TX_PUSH_BUF_LEN: [15, u32],
  TX_PUSH_BUF_LEN_MAX: [16, u32],
});

export const CHANNELS = attributeTable("ETHTOOL_A_CHANNELS_", {
  HEADER: [1, HEADER],
  RX_MAX: [2, u32],
  TX_MAX: [3, u32],
  OTHER_MAX: [4, u32],
  COMBINED_MAX: [5, u32],
  RX_COUNT: [6, u32],
  TX_COUNT: [7, u32],
  OTHER_COUNT: [8, u32],
  COMBINED_COUNT: [9, u32],
});

export const PORT = words(
  { twistedPair: 0, aui: 1, mii: 2, fibre: 3, bnc: 4, directAttachCopper: 5, none: 0xef, other: 0xff },
  255,
);
export const TRANSCEIVER = words({ internal: 0, external: 1 }, 255);
export const MDIX = words({ unknown: 0, mdi: 1, mdix: 2, auto: 3 }, 255);
export const DUPLEX = words({ half: 0, full: 1, unknown: 0xff }, 255);
/** enum ethtool_link_ext_state */
export const EXT_STATE = words(
  {
    autoneg: 0,
    linkTrainingFailure: 1,
    linkLogicalMismatch: 2,
    badSignalIntegrity: 3,
    noCable: 4,
    cableIssue: 5,
    eepromIssue: 6,
    calibrationFailure: 7,
    powerBudgetExceeded: 8,
    overheat: 9,
    module: 10,
  },
  255,
);

/** enum ethtool_stringset: lists of names that every device shares. */
export const STRING_SETS = {
  features: 4,
  rssHashFunctions: 5,
  tunables: 6,
  phyTunables: 8,
  linkModes: 9,
  messageClasses: 10,
  wakeOnLanModes: 11,
  timestampingSockets: 12,
  timestampingTransmit: 13,
  timestampingReceive: 14,
  udpTunnelTypes: 15,
} as const;
