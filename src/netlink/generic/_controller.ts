/** Numbers and attributes of generic netlink's controller: include/uapi/linux/genetlink.h, v6.12. */
import { attributeTable } from "../attribute_table.ts";
import { arrayOf, numbered, text, u16, u32 } from "../attribute_types.ts";
import { POLICY } from "../netlink_error.ts";

/** `sizeof(struct genlmsghdr)`: command, version, and two bytes that are reserved. */
export const GENL_HEADER_LEN = 4;
/** With its NUL. */
export const GENL_NAME_SIZE = 16;

export const GENL_ID_CTRL = 16;
export const CTRL_VERSION = 2;
export const CTRL_CMD_GETFAMILY = 3;
export const CTRL_CMD_GETPOLICY = 10;

/** GENL_…, the flags of operations. */
export const OPERATION_FLAGS = {
  adminPerm: 0x01,
  do: 0x02,
  dump: 0x04,
  hasPolicy: 0x08,
  unsAdminPerm: 0x10,
} as const;

const OP = attributeTable("CTRL_ATTR_OP_", { ID: [1, u32], FLAGS: [2, u32] });
const GROUP = attributeTable("CTRL_ATTR_MCAST_GRP_", { NAME: [1, text], ID: [2, u32] });
const OP_POLICY = attributeTable("CTRL_ATTR_POLICY_", { DO: [1, u32], DUMP: [2, u32] });

export const CTRL = attributeTable("CTRL_ATTR_", {
  FAMILY_ID: [1, u16],
  FAMILY_NAME: [2, text],
  VERSION: [3, u32],
  HDRSIZE: [4, u32],
  MAXATTR: [5, u32],
  OPS: [6, arrayOf(OP)],
  MCAST_GROUPS: [7, arrayOf(GROUP)],
  POLICY: [8, numbered(numbered(POLICY))],
  OP_POLICY: [9, numbered(OP_POLICY)],
  OP: [10, u32],
});
