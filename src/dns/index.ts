/**
 * A DNS client on our own sockets: a stub resolver over UDP, TCP and TLS.
 * @module
 */
export type { DnsFlags } from "./_message.ts";
export { reverseName } from "./_name.ts";
export type { DnsServer, DnsTransport } from "./_server.ts";
export type { DnsResolverOptions } from "./_settings.ts";
export { DnsError, type DnsTry } from "./dns_error.ts";
export { Hosts } from "./hosts.ts";
export { absolute, formatData } from "./presentation.ts";
export { type DnsRecord, type DnsRecordData, type DnsRecordType, KNOWN_TYPES } from "./records.ts";
export { parseResolvConf } from "./resolv_conf.ts";
export { DnsResolver, type SystemDnsOptions } from "./resolver.ts";
export type { DnsResponse } from "./response.ts";
