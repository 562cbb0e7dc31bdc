/** Stops an import on a platform without the sockets that this package speaks to, before any native code is loaded. */

if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) {
  throw new Error(
    `windsock: sockets are supported on Linux (x64, arm64) with Node.js 20.19 or newer, and this is ` +
      `${process.platform} (${process.arch}); the pure parts windsock/bytes and windsock/ip load anywhere`,
  );
}

/** Whether pointers into C memory are laid out for x86-64, where `struct epoll_event` is packed. */
export const isX64: boolean = process.arch === "x64";
