/** A situation is written twice, in C and in TypeScript, side by side; each prints what came of its calls. */
import { writeSync } from "node:fs";
import * as P from "../../src/posix/index.ts";

export interface Situation {
  readonly name: string;
  /** The body of a C function. */
  readonly c: string;
  readonly ts: () => void;
}

export function situation(name: string, c: string, ts: () => void): Situation {
  return { name, c, ts };
}

// What follows has its twin of the same name in PRELUDE.

const lines: string[] = [];

/** Ends the process's part of a situation: what it has printed. */
export function printed(): string[] {
  return lines.splice(0);
}

export function print(line: string): void {
  lines.push(line);
}

/** What a call gave, and errno where it failed. */
export function show(result: number): void {
  print(result < 0 ? `${result} errno ${P.errno}` : String(result));
}

/** The same for a new fd, whose number does not count. */
export function show_fd(fd: number): void {
  if (fd < 0) show(fd);
  else print("fd");
}

export function show_text(text: string | null): void {
  print(text === null ? `null errno ${P.errno}` : `"${text}"`);
}

export function show_bytes(bytes: Uint8Array, length: number = bytes.length): void {
  print([...bytes.subarray(0, length)].map((byte) => byte.toString(16).padStart(2, "0")).join(" "));
}

/** What a situation needs before it begins. */
export function ok(result: number): number {
  if (result >= 0) return result;
  throw new Error(`setup failed: ${P.strerror(P.errno)}`);
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function address(ip: number, port: number): P.sockaddr_in {
  return { sin_family: P.AF_INET, sin_port: port, sin_addr: { s_addr: P.htonl(ip) } };
}

/** 127.0.0.1, and a port in network byte order. */
export function loopback(port: number): P.sockaddr_in {
  return address(P.INADDR_LOOPBACK, port);
}

export function name_of(fd: number): P.sockaddr_in {
  const name = P.sockaddr_in();
  ok(P.getsockname(fd, name));
  return name;
}

/** A socket of IPv4 that is bound to a port of loopback which nobody else has. */
export function bound(type: number): number {
  const fd = ok(P.socket(P.AF_INET, type, 0));
  ok(P.bind(fd, loopback(0)));
  return fd;
}

export function listening(backlog: number): number {
  const fd = bound(P.SOCK_STREAM);
  ok(P.listen(fd, backlog));
  return fd;
}

export function tcp_pair(): [client: number, server: number] {
  const listener = listening(1);
  const client = ok(P.socket(P.AF_INET, P.SOCK_STREAM, 0));
  ok(P.connect(client, name_of(listener)));
  const server = ok(P.accept(listener));
  ok(P.close(listener));
  return [client, server];
}

export function unix_pair(type: number): [number, number] {
  const fds: number[] = [];
  ok(P.socketpair(P.AF_UNIX, type, 0, fds));
  return fds as [number, number];
}

export function unix_address(path: string): P.sockaddr_un {
  return { sun_family: P.AF_UNIX, sun_path: path };
}

export function no_wait(fd: number): void {
  ok(P.fcntl(fd, P.F_SETFL, ok(P.fcntl(fd, P.F_GETFL)) | P.O_NONBLOCK));
}

export function wait_for(fd: number, events: number): void {
  ok(P.poll([{ fd, events }], 1, -1));
}

/** Closes a connection so that the peer hears of a reset. */
export function reset(fd: number): void {
  ok(P.setsockopt(fd, P.SOL_SOCKET, P.SO_LINGER, P.linger.encode({ l_onoff: 1, l_linger: 0 })));
  ok(P.close(fd));
}

export function set_int(fd: number, level: number, name: number, value: number): void {
  ok(P.setsockopt(fd, level, name, value));
}

export function get_int(fd: number, level: number, name: number): number {
  const value = { value: 0 };
  ok(P.getsockopt(fd, level, name, value));
  return value.value;
}

/** For the process that runs them: says what was printed, at once. */
export function report(name: string, body: readonly string[]): void {
  writeSync(1, `${JSON.stringify({ name, lines: body })}\n`);
}

const PRELUDE = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct sockaddr_in sockaddr_in;
typedef struct sockaddr_in6 sockaddr_in6;
typedef struct sockaddr_un sockaddr_un;
typedef struct sockaddr_storage sockaddr_storage;
#define SA(a) (struct sockaddr *)&(a), sizeof(a)
#define SP(a) (struct sockaddr *)&(a)

static void nothing(int signal) {}
static void show(long result) {
  if (result < 0) printf("%ld errno %d\\n", result, errno);
  else printf("%ld\\n", result);
}
static void show_fd(int fd) {
  if (fd < 0) show(fd);
  else puts("fd");
}
static void show_text(const char *text) {
  if (text == NULL) printf("null errno %d\\n", errno);
  else printf("\\"%s\\"\\n", text);
}
static void show_bytes(const void *bytes, long length) {
  for (long i = 0; i < length; i++) printf("%s%02x", i ? " " : "", ((unsigned char *)bytes)[i]);
  puts("");
}
static int ok(int result) {
  if (result >= 0) return result;
  printf("setup failed: %s\\n", strerror(errno));
  exit(1);
}
static sockaddr_in address(in_addr_t ip, in_port_t port) {
  return (sockaddr_in){ .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(ip) };
}
static sockaddr_in loopback(in_port_t port) { return address(INADDR_LOOPBACK, port); }
static sockaddr_in name_of(int fd) {
  sockaddr_in name;
  socklen_t length = sizeof name;
  ok(getsockname(fd, SP(name), &length));
  return name;
}
static int bound(int type) {
  int fd = ok(socket(AF_INET, type, 0));
  sockaddr_in any = loopback(0);
  ok(bind(fd, SA(any)));
  return fd;
}
static int listening(int backlog) {
  int fd = bound(SOCK_STREAM);
  ok(listen(fd, backlog));
  return fd;
}
static void tcp_pair(int fds[2]) {
  int listener = listening(1);
  sockaddr_in name = name_of(listener);
  fds[0] = ok(socket(AF_INET, SOCK_STREAM, 0));
  ok(connect(fds[0], SA(name)));
  fds[1] = ok(accept(listener, NULL, NULL));
  ok(close(listener));
}
static void unix_pair(int type, int fds[2]) { ok(socketpair(AF_UNIX, type, 0, fds)); }
static sockaddr_un unix_address(const char *path) {
  sockaddr_un name = { .sun_family = AF_UNIX };
  strcpy(name.sun_path, path);
  return name;
}
static void no_wait(int fd) { ok(fcntl(fd, F_SETFL, ok(fcntl(fd, F_GETFL)) | O_NONBLOCK)); }
static void wait_for(int fd, int events) {
  struct pollfd one = { fd, events };
  ok(poll(&one, 1, -1));
}
static void set_int(int fd, int level, int name, int value) {
  ok(setsockopt(fd, level, name, &value, sizeof value));
}
static int get_int(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  ok(getsockopt(fd, level, name, &value, &length));
  return value;
}
static void reset(int fd) {
  struct linger at_once = { 1, 0 };
  ok(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
  ok(close(fd));
}
`;

/** The C program of all situations, each in a process of its own. SIGPIPE is ignored, as it is in Node. */
export function cProgram(situations: readonly Situation[]): string {
  const functions = situations.map(({ c }, i) => `static void situation_${i}(void) {\n${c}\n}`);
  const rows = situations.map(({ name }, i) => `{ ${JSON.stringify(name)}, situation_${i} },`);
  return `${PRELUDE}
${functions.join("\n")}
static const struct { const char *name; void (*run)(void); } situations[] = {
${rows.join("\n")}
};
int main(void) {
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < sizeof situations / sizeof situations[0]; i++) {
    printf("== %s\\n", situations[i].name);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      alarm(60); /* only a hang takes so long */
      situations[i].run();
      exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (status != 0) printf("ended with status %#x\\n", status);
  }
  return 0;
}
`;
}
