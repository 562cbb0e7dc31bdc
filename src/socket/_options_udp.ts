/** The options of UDP, level IPPROTO_UDP. The comment of a row is its text in docs/options.md. */
import * as C from "../sys/index.ts";
import { bool, integer, named } from "./_option_codecs.ts";
import { rw } from "./_option_row.ts";

/** UDP_ENCAP_… of include/uapi/linux/udp.h, those that a program can set. */
const encapsulation = named({ none: 0, espinudp: 2, l2tpinudp: 3 });

/** Options of UDP, man 7 udp. */
export const UDP = {
  /** Puts what is sent into one datagram, until it is set to false. */
  CORK: rw("UDP_CORK", C.IPPROTO_UDP, C.UDP_CORK, bool),
  /** What the kernel takes out of the datagrams: IPsec's ESP (RFC 3948) or L2TP (RFC 2661). */
  ENCAP: rw("UDP_ENCAP", C.IPPROTO_UDP, C.UDP_ENCAP, encapsulation),
  /**
   * Hands over several datagrams of one sender as one message: `segmentBytes` of the ancillary data says
   * where they meet.
   */
  GRO: rw("UDP_GRO", C.IPPROTO_UDP, C.UDP_GRO, bool, { since: "5.0" }),
  /** Takes datagrams over IPv6 whose checksum is 0, RFC 6935. */
  NO_CHECK6_RX: rw("UDP_NO_CHECK6_RX", C.IPPROTO_UDP, C.UDP_NO_CHECK6_RX, bool),
  /** Sends datagrams over IPv6 with a checksum of 0, RFC 6935. */
  NO_CHECK6_TX: rw("UDP_NO_CHECK6_TX", C.IPPROTO_UDP, C.UDP_NO_CHECK6_TX, bool),
  /** Sends each message as datagrams of so many bytes, of which the last may be shorter; 0 is off. */
  SEGMENT: rw("UDP_SEGMENT", C.IPPROTO_UDP, C.UDP_SEGMENT, integer(0, 0xffff, "bytes")),
} as const;
