/** Socket options as typed rows: level, name, how the kernel's bytes are read, how a value is written. */
export { applySetting, readOption, refusal, writeOption } from "./_option_calls.ts";
export type {
  OptionNotes,
  OptionSetting,
  OptionSocket,
  ReadableOption,
  SocketOption,
  WritableOption,
} from "./_option_row.ts";
export type { PortRange, TxTime } from "./_option_structs.ts";
export { ICMP } from "./_options_icmp.ts";
export { ICMPV6 } from "./_options_icmpv6.ts";
export { IP } from "./_options_ip.ts";
export { IPV6 } from "./_options_ipv6.ts";
export {
  type Fanout,
  type FanoutFlag,
  type FanoutMode,
  PACKET,
  type PacketStatistics,
  type RolloverStatistics,
} from "./_options_packet.ts";
export { SO } from "./_options_so.ts";
export { TCP } from "./_options_tcp.ts";
export { UDP } from "./_options_udp.ts";
