/** What a kind of link has of its own: IFLA_LINKINFO, decoded by its kind. */
import type { Attribute } from "../attributes.ts";
import { BRIDGE, BRIDGE_PORT, type INFO, MACVLAN, TUN, VLAN, VXLAN } from "./_link_tables.ts";

const DATA = {
  bridge: BRIDGE,
  macvlan: MACVLAN,
  macvtap: MACVLAN,
  vlan: VLAN,
  tun: TUN,
  vxlan: VXLAN,
} as const;
const PORT_DATA = { bridge: BRIDGE_PORT } as const;

type DataOf<T> = T extends { decode(...args: never[]): infer V } ? Exclude<V, undefined> : never;
type InputOf<T> = T extends { encode(value: infer V, where: string): Uint8Array } ? V : never;
type Known<Tables> = {
  [K in keyof Tables]: { readonly kind: K; readonly data?: DataOf<Tables[K]> };
}[keyof Tables];

/** A kind of link that is not decoded: its data as they came. */
interface Other {
  readonly kind: string;
  readonly raw?: Uint8Array | undefined;
}

/** The kind of link, as `"veth"`, and what it has of its own, under the kernel's names in camelCase. */
export type LinkInfo = Known<typeof DATA> | Other;
/** What a link is as a port of its master. */
export type PortInfo = Known<typeof PORT_DATA> | Other;
/** The data of kinds that can be given. */
export type KindData = { readonly [K in keyof typeof DATA]: InputOf<(typeof DATA)[K]> };
export type PortData = { readonly [K in keyof typeof PORT_DATA]: InputOf<(typeof PORT_DATA)[K]> };

interface Codec {
  decode(bytes: Uint8Array, start: number, end: number): unknown;
  encode(value: never, where: string): Uint8Array;
}

function decoded(tables: object, kind: string, data: Uint8Array | undefined): Record<string, unknown> {
  const table = Object.hasOwn(tables, kind) ? (tables as Record<string, Codec>)[kind] : undefined;
  if (data === undefined) return { kind };
  try {
    if (table !== undefined) return { kind, data: table.decode(data, 0, data.length) };
  } catch {
    // Not what this kind has as we know it: as it came.
  }
  return { kind, raw: data };
}

type Info = ReturnType<typeof INFO.decode>;

export function linkInfo(info: Info | undefined): {
  info?: LinkInfo;
  port?: PortInfo;
  unknown?: readonly Attribute[];
} {
  if (info === undefined) return {};
  return {
    ...(info.KIND !== undefined && { info: decoded(DATA, info.KIND, info.DATA) as unknown as LinkInfo }),
    ...(info.SLAVE_KIND !== undefined && {
      port: decoded(PORT_DATA, info.SLAVE_KIND, info.SLAVE_DATA) as unknown as PortInfo,
    }),
  };
}

/** The data of a kind in bytes. @throws {TypeError} where data of this kind cannot be given */
export function encodeKind(kind: string, data: object | undefined, port = false): Uint8Array | undefined {
  if (data === undefined) return undefined;
  if (data instanceof Uint8Array) return data;
  const tables: Readonly<Record<string, Codec>> = port ? PORT_DATA : DATA;
  const table = Object.hasOwn(tables, kind) ? tables[kind] : undefined;
  if (table === undefined) {
    throw new TypeError(`data: expected encoded attributes (a Uint8Array) for the kind ${kind}`);
  }
  return table.encode(data as never, kind);
}
