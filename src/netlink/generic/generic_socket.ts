/** GenericSocket: requests to the families of generic netlink, which are found by their names. */
import { concatBytes } from "../../bytes/index.ts";
import { errno, type WaitOptions } from "../../sys/index.ts";
import type { Message } from "../message.ts";
import { NetlinkError } from "../netlink_error.ts";
import {
  type DumpOptions,
  type NetlinkOptions,
  type NetlinkRequest,
  NetlinkSocket,
} from "../netlink_socket.ts";
import {
  CTRL,
  CTRL_CMD_GETFAMILY,
  CTRL_CMD_GETPOLICY,
  CTRL_VERSION,
  GENL_HEADER_LEN,
  GENL_ID_CTRL,
  GENL_NAME_SIZE,
} from "./_controller.ts";
import { decodeFamily, type GenericFamily, type GenericMessage, genericMessage } from "./family.ts";
import { GenericEvents, type GenericEventsOptions } from "./generic_events.ts";
import { type OperationRules, PolicyDump } from "./policy.ts";

/** A request to a family. */
export interface GenericRequest {
  readonly command: number;
  /** In bytes, as a table of attributes encodes them. */
  readonly attributes?: Uint8Array | undefined;
  /** The family's own header, where it has one. */
  readonly header?: Uint8Array | undefined;
  /** The family's unless told. */
  readonly version?: number | undefined;
  /** NLM_F_CREATE, NLM_F_EXCL …; those of the exchange itself are added. */
  readonly flags?: number | undefined;
  /** For errors, as `"ETHTOOL_MSG_LINKSTATE_GET"`; family and command unless told. */
  readonly name?: string | undefined;
  /** What it is about, for errors. */
  readonly subject?: string | undefined;
}

const CONTROLLER: GenericFamily = {
  name: "nlctrl",
  id: GENL_ID_CTRL,
  version: CTRL_VERSION,
  headerSize: 0,
  maxAttribute: 10,
  operations: [],
  groups: new Map(),
};

const NO_FAMILY = "this kernel has no family of that name, and no module for one that it could load";

/**
 * A channel to the families of generic netlink, of which most things of the kernel that are not the network's tables are one.
 *
 * ```ts
 * using generic = GenericSocket.open();
 * const { id, groups } = await generic.family("ethtool");
 * ```
 */
export class GenericSocket implements Disposable {
  /** For messages that are not here. */
  readonly netlink: NetlinkSocket;
  readonly #families = new Map<string, GenericFamily>();

  private constructor(netlink: NetlinkSocket) {
    this.netlink = netlink;
  }

  /** @throws {SysError} @see man 7 netlink, NETLINK_GENERIC */
  static open(options?: NetlinkOptions): GenericSocket {
    return new GenericSocket(NetlinkSocket.open("generic", options));
  }

  /** @internal Over a socket at whose other end something else may play the kernel. */
  static over(netlink: NetlinkSocket): GenericSocket {
    return new GenericSocket(netlink);
  }

  get closed(): boolean {
    return this.netlink.closed;
  }

  /**
   * A family by its name. What is found is kept for the life of the socket.
   * @throws {NetlinkError} `ENOENT` where this kernel has none of this name
   * @throws {RangeError} for a name that cannot be one
   */
  async family(name: string, options?: WaitOptions): Promise<GenericFamily> {
    return this.#families.get(name) ?? (await this.#find(name, options));
  }

  async #find(name: string, options: WaitOptions | undefined): Promise<GenericFamily> {
    if (typeof name !== "string") {
      throw new TypeError(`family: expected a name or a GenericFamily, got ${String(name)}`);
    }
    const { length } = new TextEncoder().encode(name);
    if (length === 0 || length >= GENL_NAME_SIZE) {
      throw new RangeError(`family: expected a name of 1 … ${GENL_NAME_SIZE - 1} bytes, got ${length}`);
    }
    let found: GenericFamily | undefined;
    const request = {
      command: CTRL_CMD_GETFAMILY,
      attributes: CTRL.encode({ FAMILY_NAME: name }),
      name: "CTRL_CMD_GETFAMILY",
      subject: name,
    };
    const take = (message: Message): void => {
      found ??= decodeFamily(message);
    };
    try {
      await this.netlink.request(requestOf(CONTROLLER, request), take, options);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== errno.ENOENT) throw error;
      throw new NetlinkError(error.errno, request.name, error.extendedAck, NO_FAMILY, name);
    }
    if (found === undefined) throw new NetlinkError(errno.ENOENT, request.name, {}, NO_FAMILY, name);
    this.#families.set(name, found);
    return found;
  }

  /** All families that are registered now. @throws {NetlinkError} */
  families(options?: DumpOptions): Promise<GenericFamily[]> {
    const request = { command: CTRL_CMD_GETFAMILY, name: "CTRL_CMD_GETFAMILY" };
    return this.netlink.dump(requestOf(CONTROLLER, request), decodeFamily, options);
  }

  /**
   * What the kernel checks the attributes of a family's operations by: from command to rules. Kernels before 5.10 do not tell it
   * by operation; some since 6.2 call an operation 0 that is only dumped.
   * @throws {NetlinkError} `ENODATA`, `EOPNOTSUPP` for a family that has no policies, or a kernel that tells of none
   */
  async policies(
    family: string | GenericFamily,
    options?: DumpOptions,
  ): Promise<ReadonlyMap<number, OperationRules>> {
    const { id, name } = typeof family === "string" ? await this.family(family, options) : checked(family);
    const request = {
      command: CTRL_CMD_GETPOLICY,
      attributes: CTRL.encode({ FAMILY_ID: id }),
      name: "CTRL_CMD_GETPOLICY",
      subject: name,
    };
    const gathered = new PolicyDump();
    await this.netlink.dump(requestOf(CONTROLLER, request), (message) => gathered.add(message), options);
    return gathered.rules();
  }

  /**
   * Sends a request to a family, and hears its answers until it is acknowledged.
   * @param take is called with each answer, whose bytes are only there during the call
   * @throws {NetlinkError} what the kernel refuses, with its reason
   * @throws {RangeError} for a header that is not as long as the family's
   */
  request(
    family: string | GenericFamily,
    request: GenericRequest,
    take: (message: GenericMessage) => void = () => {},
    options?: WaitOptions,
  ): Promise<void> {
    return this.#to(family, options, (known) =>
      this.netlink.request(requestOf(known, request), (message) => take(genericMessage(message)), options),
    );
  }

  /**
   * Asks a family for a whole table.
   * @param take gives the entry of a message, whose bytes are only there during the call, or `undefined` for one that is not wanted
   * @throws as {@link request} @throws {DumpInterruptedError}
   */
  dump<T>(
    family: string | GenericFamily,
    request: GenericRequest,
    take: (message: GenericMessage) => T | undefined,
    options?: DumpOptions,
  ): Promise<T[]> {
    return this.#to(family, options, (known) =>
      this.netlink.dump(requestOf(known, request), (message) => take(genericMessage(message)), options),
    );
  }

  /**
   * What a family tells of by itself, in the network namespace of this socket.
   * @param groups names of its multicast groups; all of them unless told
   * @throws {TypeError} for a group that it does not have @throws {SysError} `EPERM`
   */
  async events(
    family: string | GenericFamily,
    groups?: readonly string[],
    options: GenericEventsOptions & WaitOptions = {},
  ): Promise<GenericEvents> {
    const known = typeof family === "string" ? await this.family(family, options) : checked(family);
    return GenericEvents.open(this.netlink, known, groups, options);
  }

  /** A family whose module was loaded anew has another number: it is looked up once more. */
  async #to<T>(
    family: string | GenericFamily,
    options: WaitOptions | undefined,
    ask: (family: GenericFamily) => Promise<T>,
  ): Promise<T> {
    if (typeof family !== "string") return await ask(checked(family));
    const kept = this.#families.get(family);
    const known = kept ?? (await this.#find(family, options));
    try {
      return await ask(known);
    } catch (error) {
      if (kept === undefined || !(error instanceof NetlinkError) || error.errno !== errno.ENOENT) throw error;
      const now = await this.#find(family, options);
      if (now.id === kept.id) throw error;
      return await ask(now);
    }
  }

  /** Closes the channel; what waits rejects with `ECANCELED`. */
  close(): void {
    this.netlink.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const NOTHING = new Uint8Array(0);

/** @throws {TypeError} */
function checked(family: GenericFamily): GenericFamily {
  if (family?.groups instanceof Map && Array.isArray(family.operations)) return family;
  throw new TypeError(`family: expected a name or a GenericFamily, got ${String(family)}`);
}

/** @throws {TypeError | RangeError} */
function requestOf(family: GenericFamily, request: GenericRequest): NetlinkRequest {
  if (typeof request !== "object" || request === null) {
    throw new TypeError(`request: expected an object, got ${String(request)}`);
  }
  const { command, version = family.version, header = new Uint8Array(family.headerSize) } = request;
  for (const [what, value] of [
    ["command", command],
    ["version", version],
  ] as const) {
    if (Number.isInteger(value) && value >= 0 && value <= 255) continue;
    throw new RangeError(`${what}: expected an integer 0 … 255, got ${String(value)}`);
  }
  const { flags, name = `${family.name} command ${command}`, subject, attributes = NOTHING } = request;
  for (const [what, bytes] of Object.entries({ header, attributes })) {
    if (bytes instanceof Uint8Array) continue;
    throw new TypeError(`${what}: expected a Uint8Array, got ${String(bytes)}`);
  }
  if (header.length !== family.headerSize) {
    throw new RangeError(
      `header: expected ${family.headerSize} bytes for ${family.name}, got ${header.length}`,
    );
  }
  const operation = family.operations.find((it) => it.command === command);
  const padding = new Uint8Array(-header.length & 3);
  return {
    type: family.id,
    flags,
    payload: concatBytes([Uint8Array.of(command, version, 0, 0), header, padding, attributes]),
    headerLength: GENL_HEADER_LEN + header.length,
    name,
    subject,
    privilege: operation?.flags.includes("adminPerm") ? "initial" : "network",
  };
}
