/** Packet filters: classic BPF programs, their assembler, and the compiler for tcpdump's expressions. @module */
export type { LinkType } from "./_generator.ts";
export type { PacketMetadata } from "./_metadata.ts";
export { assemble } from "./assembler.ts";
export { type CompileOptions, compileFilter } from "./compile.ts";
export { forCookedSocket } from "./cooked_socket.ts";
export { FilterError, type FilterErrorOptions } from "./filter_error.ts";
export type { FilterInstruction } from "./instructions.ts";
export { FilterProgram } from "./program.ts";
