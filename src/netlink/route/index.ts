/**
 * The kernel's tables of links, addresses, routes, rules and neighbours: listed, changed and watched.
 * @module
 */
export type { Device, LinkLayerAddr } from "../_values.ts";
export type { Family } from "./_common.ts";
export type { KindData, LinkInfo, PortData, PortInfo } from "./_link_info.ts";
export { type LinkFlag, type LinkType, linkTypeNumber, type OperState } from "./_link_words.ts";
export type { Change, TableName } from "./_monitor_state.ts";
export type { NewNexthop, NewRoute, Nexthop, Route, RouteMetrics } from "./_route_codec.ts";
export { type Preference, type RouteFlag, type RouteType, routeTypeNumber } from "./_route_tables.ts";
export {
  type Protocol,
  protocolNumber,
  protocolWord,
  type Scope,
  scopeNumber,
  scopeWord,
  type Table,
} from "./_scopes.ts";
export {
  type Address,
  Addresses,
  type AddressFlag,
  type AddressListOptions,
  type AddressProtocol,
  type NewAddress,
  type OldAddress,
} from "./address.ts";
export {
  type Link,
  type LinkChanges,
  type LinkCounters,
  type LinkListOptions,
  type LinkSettings,
  type LinkStatistics,
  Links,
  type Namespace,
  type NewLink,
  type NewPeer,
} from "./link.ts";
export { Monitor, type MonitorEvent, type MonitorOptions } from "./monitor.ts";
export {
  type Neighbor,
  type NeighborFlag,
  type NeighborListOptions,
  type NeighborState,
  Neighbors,
  type NewNeighbor,
} from "./neighbor.ts";
export { type RouteGetOptions, type RouteListOptions, Routes } from "./route.ts";
export { RouteSocket } from "./route_socket.ts";
export { type NewRule, type Range, type Rule, type RuleAction, type RuleFlag, Rules } from "./rule.ts";
