/**
 * Generic netlink: families by their names, and two of them, TCP metrics and ethtool.
 * @module
 */
export type { BitChanges, Bitset } from "./bitset.ts";
export { bitset } from "./bitset.ts";
export { Ethtool, type StringSet } from "./ethtool.ts";
export type {
  EthernetChannels,
  EthernetDevice,
  EthernetFeature,
  EthernetFeatures,
  EthernetLinkInfo,
  EthernetLinkModes,
  EthernetLinkState,
  EthernetRings,
} from "./ethtool_device.ts";
export { type EthtoolEvent, EthtoolMonitor, type EthtoolMonitorOptions } from "./ethtool_monitor.ts";
export type { GenericFamily, GenericMessage, GenericOperation, GenericOperationFlag } from "./family.ts";
export { GenericEvents, type GenericEventsOptions } from "./generic_events.ts";
export { type GenericRequest, GenericSocket } from "./generic_socket.ts";
export type { AttributeRule, AttributeRules, AttributeRuleType, OperationRules } from "./policy.ts";
export {
  type TcpMetric,
  type TcpMetricFastOpen,
  type TcpMetricOptions,
  TcpMetrics,
} from "./tcp_metrics.ts";
