/** Socket addresses as C's structs have them, sockaddr_in and the others: values that read and fill like the C ones. */
import { AF_INET, AF_INET6, AF_UNIX, SOCKADDR_STORAGE_LEN, sockaddrFamily } from "../sys/index.ts";
import { bytes, fillable, isBytes, type pointer, show, socklen, whole } from "./_check.ts";
import {
  sockaddr_in_layout,
  sockaddr_in6_layout,
  sockaddr_storage_layout,
  sockaddr_un_layout,
} from "./_layouts.ts";

/** `struct in_addr`, netinet/in.h. */
export interface in_addr {
  /** In network byte order: `htonl(INADDR_LOOPBACK)`, or what `inet_aton` fills in. */
  s_addr: number;
}

/** `struct in6_addr`, netinet/in.h. */
export interface in6_addr {
  /** 16 bytes. */
  s6_addr: Uint8Array;
}

/** `struct sockaddr_in`, man 7 ip. */
export interface sockaddr_in {
  sin_family: number;
  /** In network byte order: `htons(2000)`. */
  sin_port: number;
  sin_addr: in_addr;
}

/** `struct sockaddr_in6`, man 7 ipv6. */
export interface sockaddr_in6 {
  sin6_family: number;
  /** In network byte order. */
  sin6_port: number;
  /** In network byte order. */
  sin6_flowinfo: number;
  sin6_addr: in6_addr;
  /** The index of an interface, in host byte order. */
  sin6_scope_id: number;
}

/** `struct sockaddr_un`, man 7 unix. */
export interface sockaddr_un {
  sun_family: number;
  /** A path; or a NUL and a name in the abstract namespace; or `""` where the socket has no name. At most 108 bytes. */
  sun_path: string;
}

/** `struct sockaddr_storage`, sys/socket.h: room for an address of any family. */
export interface sockaddr_storage {
  ss_family: number;
  /** The 126 bytes behind the family, which {@link sockaddr_in} and the others read. */
  ss_data: Uint8Array;
}

/** `struct sockaddr *`: an address that is filled. Bytes are the struct as the kernel has it. */
export type sockaddr = sockaddr_in | sockaddr_in6 | sockaddr_un | sockaddr_storage | Uint8Array;

type Given<T, Family extends keyof T> = Readonly<Pick<T, Family> & Partial<T>>;

/** `const struct sockaddr *`: an address that is read. The family says which struct it is; what is left out is zero. */
export type const_sockaddr =
  | Given<sockaddr_in, "sin_family">
  | Given<sockaddr_in6, "sin6_family">
  | Given<sockaddr_un, "sun_family">
  | Given<sockaddr_storage, "ss_family">
  | Uint8Array;

/** One of the structs. */
interface Shape {
  readonly size: number;
  readonly keys: readonly string[];
  /** As many bytes as count: what `addrlen` is where the caller gives none. */
  encode(value: object): Uint8Array;
  /** @param all at least `size` bytes, of which the first `filled` are an address */
  decode(all: Uint8Array, filled: number): object;
}

const in_shape: Shape = {
  size: sockaddr_in_layout.size,
  keys: ["sin_family", "sin_port", "sin_addr"],
  encode: (value) => sockaddr_in_layout.encode(value),
  decode(all) {
    const { sin_zero: _, ...value } = sockaddr_in_layout.decode(all);
    return value;
  },
};

const in6_shape: Shape = {
  size: sockaddr_in6_layout.size,
  keys: ["sin6_family", "sin6_port", "sin6_flowinfo", "sin6_addr", "sin6_scope_id"],
  encode: (value) => sockaddr_in6_layout.encode(value),
  decode: (all) => sockaddr_in6_layout.decode(all),
};

const PATH = sockaddr_un_layout.offsetOf("sun_path");

const un_shape: Shape = {
  size: sockaddr_un_layout.size,
  keys: ["sun_family", "sun_path"],
  encode(value) {
    const { sun_path = "", ...rest } = value as Partial<sockaddr_un>;
    if (typeof sun_path !== "string")
      throw new TypeError(`sun_path: expected a string, got ${show(sun_path)}`);
    const path = new TextEncoder().encode(sun_path);
    const all = sockaddr_un_layout.encode(rest);
    if (path.length > all.length - PATH) {
      throw new RangeError(`sun_path: expected at most ${all.length - PATH} bytes, got ${path.length}`);
    }
    all.set(path, PATH);
    // Behind a path stands a NUL where there is room for one; an abstract name ends with its last byte.
    const nul = path.length > 0 && path[0] !== 0 ? 1 : 0;
    return all.subarray(0, Math.min(PATH + path.length + nul, all.length));
  },
  decode(all, filled) {
    const path = all.subarray(PATH, Math.max(filled, PATH));
    const end = path[0] === 0 ? -1 : path.indexOf(0);
    const sun_path = new TextDecoder().decode(end < 0 ? path : path.subarray(0, end));
    return { sun_family: sockaddrFamily(all), sun_path };
  },
};

const storage_shape: Shape = {
  size: sockaddr_storage_layout.size,
  keys: ["ss_family", "ss_data"],
  encode(value) {
    const all = sockaddr_storage_layout.encode(value);
    const family = sockaddrFamily(all);
    if (family === AF_INET) return all.subarray(0, in_shape.size);
    if (family === AF_INET6) return all.subarray(0, in6_shape.size);
    return family === AF_UNIX ? all.subarray(0, unixLength(all)) : all;
  },
  decode: (all) => sockaddr_storage_layout.decode(all),
};

/** All the bytes of a value, those behind the ones that count too. */
function memoryOf(shape: Shape, value: object): Uint8Array {
  return shape === storage_shape ? sockaddr_storage_layout.encode(value) : shape.encode(value);
}

/** Where no length says how much of a `sun_path` counts: a path to its NUL, an abstract name to its last other byte. */
function unixLength(all: Uint8Array): number {
  const path = all.subarray(PATH, un_shape.size);
  const nul = path.indexOf(0);
  if (nul < 0) return un_shape.size;
  return PATH + 1 + (nul > 0 ? nul : path.findLastIndex((byte) => byte !== 0));
}

const SHAPES: Readonly<Record<string, Shape>> = {
  sin_family: in_shape,
  sin6_family: in6_shape,
  sun_family: un_shape,
  ss_family: storage_shape,
};

function shapeOf(name: string, addr: unknown): Shape {
  const isObject = typeof addr === "object" && addr !== null;
  const families = isObject ? Object.keys(SHAPES).filter((family) => family in addr) : [];
  if (families.length === 1) return SHAPES[families[0] as string] as Shape;
  throw new TypeError(
    `${name}: expected a Uint8Array or an object with one of ${Object.keys(SHAPES).join(", ")}, ` +
      `got ${families.length === 0 ? show(addr) : `one with ${families.join(" and ")}`}`,
  );
}

/** Longer than any address: the kernel answers such a length with EINVAL, and reads nothing. */
const TOO_LONG = SOCKADDR_STORAGE_LEN + 1;

/** An address without bytes is no null pointer, as that of an empty buffer would be: sendto tells them apart. */
const NO_BYTES = new Uint8Array(1).subarray(0, 0);

/**
 * @internal The bytes of an address, as many as `addrlen` says. A value lies in zeroed memory, so that more of it than
 * its struct has may be taken; of bytes there are no more than there are.
 */
export function encodeAddress(name: string, addr: const_sockaddr, addrlen?: number): Uint8Array {
  if (isBytes(addr)) {
    const length = bytes(name, addr, addrlen).length;
    return length === 0 ? NO_BYTES : bytes(name, addr, Math.min(length, TOO_LONG));
  }
  const all = shapeOf(name, addr).encode(addr);
  if (addrlen === undefined) return all;
  const length = Math.min(whole("addrlen", addrlen, 0, 2 ** 32 - 1), TOO_LONG);
  const memory = new Uint8Array(TOO_LONG);
  memory.set(all);
  return memory.subarray(0, length);
}

/** @internal Where a call puts an address: tried out before the call is made, and filled after it. */
export interface AddressRoom {
  readonly size: number;
  /** Puts as much of the kernel's bytes there as there is room for, and says in `addrlen` how many there were. */
  fill(from: Uint8Array): void;
}

/** @internal `struct sockaddr *addr, socklen_t *addrlen` of accept and its like: `undefined` where no address is wanted. */
export function addressRoom(
  name: string,
  addr: sockaddr | null | undefined,
  addrlen: pointer<number> | null | undefined,
): AddressRoom | undefined {
  if (addr === null || addr === undefined) return undefined;
  const shape = isBytes(addr) ? undefined : shapeOf(name, addr);
  if (shape !== undefined) fillable(name, addr as object, shape.keys as never[]);
  let size = shape?.size ?? bytes(name, addr as Uint8Array).length;
  if (addrlen !== null && addrlen !== undefined) {
    const wanted = socklen("addrlen", fillable("addrlen", addrlen, ["value"]).value);
    size = shape === undefined ? bytes(name, addr as Uint8Array, wanted).length : Math.min(wanted, size);
  }
  const before = shape && memoryOf(shape, addr);
  return {
    size,
    fill(from) {
      const part = from.subarray(0, size);
      if (addrlen) addrlen.value = from.length;
      if (part.length === 0) return;
      if (shape === undefined || before === undefined) return bytes(name, addr as Uint8Array).set(part);
      const all = new Uint8Array(SOCKADDR_STORAGE_LEN);
      all.set(before);
      all.set(part);
      Object.assign(addr, shape.decode(all, part.length));
    },
  };
}

function make(family: keyof typeof SHAPES, from: object): object {
  const shape = SHAPES[family] as Shape;
  const isOther = isBytes(from) || Object.keys(SHAPES).some((key) => key !== family && key in from);
  const encoded = isOther ? encodeAddress("address", from as const_sockaddr) : memoryOf(shape, from);
  const all = new Uint8Array(TOO_LONG);
  all.set(encoded);
  return shape.decode(all, Math.min(encoded.length, shape.size));
}

/** `struct sockaddr_in addr = { … }`: fields that are left out are zero. Or the cast of another address, `(struct sockaddr_in *) addr`. */
export function sockaddr_in(from: Partial<sockaddr_in> | const_sockaddr = {}): sockaddr_in {
  return make("sin_family", from) as sockaddr_in;
}

/** `struct sockaddr_in6 addr = { … }`, or the cast of another address. */
export function sockaddr_in6(from: Partial<sockaddr_in6> | const_sockaddr = {}): sockaddr_in6 {
  return make("sin6_family", from) as sockaddr_in6;
}

/** `struct sockaddr_un addr = { … }`, or the cast of another address. */
export function sockaddr_un(from: Partial<sockaddr_un> | const_sockaddr = {}): sockaddr_un {
  return make("sun_family", from) as sockaddr_un;
}

/** `struct sockaddr_storage addr = { … }`, or the cast of another address. */
export function sockaddr_storage(from: Partial<sockaddr_storage> | const_sockaddr = {}): sockaddr_storage {
  return make("ss_family", from) as sockaddr_storage;
}
