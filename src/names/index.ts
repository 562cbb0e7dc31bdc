/**
 * Names to addresses and back, as the system does it; and the Resolver interface.
 * @module
 */
export { checkHost } from "./_host.ts";
export {
  type AddressHints,
  type AddressInfo,
  type Family,
  getaddrinfo,
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
