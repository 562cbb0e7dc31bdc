/**
 * Names to addresses and back, as the system does it; and the Resolver interface.
 * @module
 */
export {
  EAI_ADDRFAMILY,
  EAI_AGAIN,
  EAI_FAIL,
  EAI_NODATA,
  EAI_NONAME,
  EAI_SERVICE,
  EAI_SYSTEM,
} from "../sys/index.ts";
export { asciiHost, checkHost } from "./_host.ts";
export {
  type AddressHints,
  type AddressInfo,
  type Family,
  getaddrinfo,
  getaddrinfoBlocking,
  looksLikePort,
  type SocketType,
} from "./getaddrinfo.ts";
export { getnameinfo, type NameFlags } from "./getnameinfo.ts";
export { interleaveFamilies } from "./order.ts";
export { ResolveError, type ResolveErrorCode } from "./resolve_error.ts";
export {
  hostOf,
  type ResolveOptions,
  type Resolver,
  type ResolveTargetOptions,
  resolve,
  resolveTarget,
  type SplitTarget,
  splitTarget,
  systemResolver,
  type Target,
} from "./resolver.ts";
