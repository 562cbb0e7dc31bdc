/** The socket addresses' structs as C's headers declare them: numbers as they lie in memory, ports and all. */
import { byteArray, struct, u16, u32 } from "../bytes/index.ts";

export const in_addr_layout = struct("in_addr", { s_addr: u32 });
export const in6_addr_layout = struct("in6_addr", { s6_addr: byteArray(16, 4) });

export const sockaddr_in_layout = struct("sockaddr_in", {
  sin_family: u16,
  sin_port: u16,
  sin_addr: in_addr_layout,
  sin_zero: byteArray(8),
});

export const sockaddr_in6_layout = struct("sockaddr_in6", {
  sin6_family: u16,
  sin6_port: u16,
  sin6_flowinfo: u32,
  sin6_addr: in6_addr_layout,
  sin6_scope_id: u32,
});

export const sockaddr_un_layout = struct("sockaddr_un", { sun_family: u16, sun_path: byteArray(108) });

export const sockaddr_storage_layout = struct(
  "sockaddr_storage",
  { ss_family: u16, ss_data: byteArray(126) },
  { align: 8 },
);
