/** Situations of poll and select, and of calls that a signal interrupts. */
import { spawn } from "node:child_process";
import {
  accept,
  close,
  connect,
  FD_CLR,
  FD_ISSET,
  FD_SET,
  FD_ZERO,
  fd_set,
  MSG_OOB,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  poll,
  read,
  recv,
  SHUT_RDWR,
  SHUT_WR,
  SO_RCVTIMEO,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  select,
  send,
  setsockopt,
  shutdown,
  socket,
  timeval,
  write,
} from "../../../src/posix/index.ts";
import {
  address,
  ascii,
  bound,
  listening,
  name_of,
  ok,
  type Situation,
  show,
  situation,
  tcp_pair,
  unix_pair,
  wait_for,
} from "../_situation.ts";

const INTERRUPT = `
     struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART }; /* as Node has it */
     sigaction(SIGUSR2, &action, NULL);
     pid_t pesterer = fork();
     if (pesterer == 0) { while (kill(getppid(), SIGUSR2) == 0) usleep(20000); _exit(0); }`;

/** Sends this process a signal every 20 ms, until it is told to stop. */
function pester(): Disposable {
  const nothing = (): void => {};
  process.on("SIGUSR2", nothing);
  const child = spawn("sh", ["-c", `while kill -USR2 ${process.pid} 2>&-; do sleep 0.02; done`], {
    stdio: "ignore",
  });
  return { [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

export const READINESS: readonly Situation[] = [
  situation(
    "poll: closed fds, negative ones, none at all",
    `int fd = bound(SOCK_DGRAM), closed = bound(SOCK_DGRAM); ok(close(closed));
     struct pollfd fds[] = { { closed, POLLIN }, { -1, POLLIN, 77 }, { fd, POLLOUT }, { fd, 0 } };
     show(poll(fds, 4, 0)); for (int i = 0; i < 4; i++) show(fds[i].revents);
     show(poll(fds, 1, -1)); show(poll(fds + 1, 1, 0)); show(poll(NULL, 0, 0)); show(poll(NULL, 0, 10));`,
    () => {
      const [fd, closed] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      ok(close(closed));
      const fds = [
        { fd: closed, events: POLLIN, revents: 0 },
        { fd: -1, events: POLLIN, revents: 77 },
        { fd, events: POLLOUT, revents: 0 },
        { fd, events: 0, revents: 0 },
      ];
      show(poll(fds, 4, 0));
      for (const one of fds) show(one.revents);
      show(poll(fds, 1, -1));
      show(poll(fds.slice(1), 1, 0));
      show(poll([], 0, 0));
      show(poll([], 0, 10));
    },
  ),
  situation(
    "poll: the states of a stream",
    `int fds[2]; tcp_pair(fds);
     struct pollfd one = { fds[1], POLLIN | POLLOUT | POLLRDHUP | POLLPRI };
     show(poll(&one, 1, -1)); show(one.revents);
     ok(write(fds[0], "x", 1)); wait_for(fds[1], POLLIN); show(poll(&one, 1, -1)); show(one.revents);
     ok(shutdown(fds[0], SHUT_WR)); wait_for(fds[1], POLLRDHUP); show(poll(&one, 1, -1)); show(one.revents);
     ok(shutdown(fds[1], SHUT_RDWR)); show(poll(&one, 1, -1)); show(one.revents);
     one.fd = ok(socket(AF_INET, SOCK_STREAM, 0)); show(poll(&one, 1, -1)); show(one.revents);`,
    () => {
      const [client, server] = tcp_pair();
      const one = { fd: server, events: POLLIN | POLLOUT | POLLRDHUP | POLLPRI, revents: 0 };
      show(poll([one], 1, -1));
      show(one.revents);
      ok(write(client, ascii("x"), 1));
      wait_for(server, POLLIN);
      show(poll([one], 1, -1));
      show(one.revents);
      ok(shutdown(client, SHUT_WR));
      wait_for(server, POLLRDHUP);
      show(poll([one], 1, -1));
      show(one.revents);
      ok(shutdown(server, SHUT_RDWR));
      show(poll([one], 1, -1));
      show(one.revents);
      one.fd = ok(socket(2, SOCK_STREAM, 0));
      show(poll([one], 1, -1));
      show(one.revents);
    },
  ),
  situation(
    "poll: a listener, a refused datagram, an urgent byte, both ends of a pair",
    `int listener = listening(1), client = ok(socket(AF_INET, SOCK_STREAM, 0)), fds[2];
     sockaddr_in name = name_of(listener);
     struct pollfd one = { listener, POLLIN | POLLOUT };
     show(poll(&one, 1, 0)); ok(connect(client, SA(name))); show(poll(&one, 1, -1)); show(one.revents);
     int server = ok(accept(listener, NULL, NULL));
     ok(send(client, "!", 1, MSG_OOB)); one = (struct pollfd){ server, POLLPRI }; show(poll(&one, 1, -1)); show(one.revents);
     int udp = bound(SOCK_DGRAM); sockaddr_in gone = address(0x7f000009, name_of(udp).sin_port);
     ok(connect(udp, SA(gone))); ok(send(udp, "x", 1, 0)); one = (struct pollfd){ udp, POLLIN };
     show(poll(&one, 1, -1)); show(one.revents);
     unix_pair(SOCK_STREAM, fds); ok(close(fds[1])); one = (struct pollfd){ fds[0], 0 };
     show(poll(&one, 1, -1)); show(one.revents);`,
    () => {
      const [listener, client] = [listening(1), ok(socket(2, SOCK_STREAM, 0))];
      const one = { fd: listener, events: POLLIN | POLLOUT, revents: 0 };
      show(poll([one], 1, 0));
      ok(connect(client, name_of(listener)));
      show(poll([one], 1, -1));
      show(one.revents);
      const server = ok(accept(listener, null, null));
      ok(send(client, ascii("!"), 1, MSG_OOB));
      Object.assign(one, { fd: server, events: POLLPRI });
      show(poll([one], 1, -1));
      show(one.revents);
      const udp = bound(SOCK_DGRAM);
      ok(connect(udp, address(0x7f000009, name_of(udp).sin_port)));
      ok(send(udp, ascii("x"), 1, 0));
      Object.assign(one, { fd: udp, events: POLLIN });
      show(poll([one], 1, -1));
      show(one.revents);
      const [ours, theirs] = unix_pair(SOCK_STREAM);
      ok(close(theirs));
      Object.assign(one, { fd: ours, events: 0 });
      show(poll([one], 1, -1));
      show(one.revents);
    },
  ),
  situation(
    "poll: more fds than a process may have",
    `struct pollfd *fds = calloc(2000000, sizeof *fds);
     for (int i = 0; i < 2000000; i++) fds[i].fd = -1;
     show(poll(fds, 2000000, 0));`,
    () => {
      const one = { fd: -1, events: 0 };
      show(poll(new Array(2_000_000).fill(one), 2_000_000, 0));
    },
  ),
  situation(
    "select on several fds",
    `int a[2], b[2]; unix_pair(SOCK_STREAM, a); unix_pair(SOCK_STREAM, b);
     int highest = (a[1] > b[1] ? a[1] : b[1]) + 1;
     fd_set readable, writable; FD_ZERO(&readable); FD_ZERO(&writable);
     FD_SET(a[0], &readable); FD_SET(b[0], &readable); FD_SET(a[0], &writable); FD_SET(b[1], &writable);
     FD_SET(b[0], &writable); FD_CLR(b[0], &writable);
     ok(write(b[1], "x", 1));
     struct timeval wait = { 5, 0 };
     show(select(highest, &readable, &writable, NULL, &wait));
     show(FD_ISSET(a[0], &readable) != 0); show(FD_ISSET(b[0], &readable) != 0);
     show(FD_ISSET(a[0], &writable) != 0); show(FD_ISSET(b[1], &writable) != 0); show(FD_ISSET(b[0], &writable) != 0);
     show(wait.tv_sec >= 4 && wait.tv_sec <= 5);`,
    () => {
      const [a, b] = [unix_pair(SOCK_STREAM), unix_pair(SOCK_STREAM)];
      const highest = Math.max(a[1], b[1]) + 1;
      const [readable, writable] = [fd_set(), fd_set()];
      FD_ZERO(readable);
      FD_ZERO(writable);
      FD_SET(a[0], readable);
      FD_SET(b[0], readable);
      FD_SET(a[0], writable);
      FD_SET(b[1], writable);
      FD_SET(b[0], writable);
      FD_CLR(b[0], writable);
      ok(write(b[1], ascii("x"), 1));
      const wait = { tv_sec: 5, tv_usec: 0 };
      show(select(highest, readable, writable, null, wait));
      show(Number(FD_ISSET(a[0], readable)));
      show(Number(FD_ISSET(b[0], readable)));
      show(Number(FD_ISSET(a[0], writable)));
      show(Number(FD_ISSET(b[1], writable)));
      show(Number(FD_ISSET(b[0], writable)));
      show(Number(wait.tv_sec >= 4 && wait.tv_sec <= 5));
    },
  ),
  situation(
    "select: the time is over, and the sets are empty then",
    `int fds[2]; unix_pair(SOCK_STREAM, fds);
     fd_set set; FD_ZERO(&set); FD_SET(fds[0], &set);
     struct timeval wait = { 0, 10000 };
     show(select(fds[0] + 1, &set, NULL, NULL, &wait)); show(FD_ISSET(fds[0], &set) != 0); show(wait.tv_sec); show(wait.tv_usec);
     FD_SET(fds[0], &set); show(select(fds[0], &set, NULL, NULL, &wait)); show(FD_ISSET(fds[0], &set) != 0);
     show(select(0, NULL, NULL, NULL, &wait));`,
    () => {
      const [ours] = unix_pair(SOCK_STREAM);
      const [set, wait] = [fd_set(), { tv_sec: 0, tv_usec: 10_000 }];
      FD_SET(ours, set);
      show(select(ours + 1, set, null, null, wait));
      show(Number(FD_ISSET(ours, set)));
      show(wait.tv_sec);
      show(wait.tv_usec);
      FD_SET(ours, set);
      show(select(ours, set, null, null, wait));
      show(Number(FD_ISSET(ours, set)));
      show(select(0, null, null, null, wait));
    },
  ),
  situation(
    "select: an urgent byte is what exceptfds waits for",
    `int fds[2]; tcp_pair(fds);
     fd_set set; FD_ZERO(&set); FD_SET(fds[1], &set);
     ok(send(fds[0], "!", 1, MSG_OOB));
     show(select(fds[1] + 1, NULL, NULL, &set, NULL)); show(FD_ISSET(fds[1], &set) != 0);`,
    () => {
      const [client, server] = tcp_pair();
      const set = fd_set();
      FD_SET(server, set);
      ok(send(client, ascii("!"), 1, MSG_OOB));
      show(select(server + 1, null, null, set, null));
      show(Number(FD_ISSET(server, set)));
    },
  ),
  situation(
    "select: a closed fd, a negative count, a negative time",
    `int fd = bound(SOCK_DGRAM); ok(close(fd));
     fd_set set; FD_ZERO(&set); FD_SET(fd, &set);
     struct timeval none = { 0, 0 }, negative = { -1, 0 }, odd = { 0, -1 };
     show(select(fd + 1, &set, NULL, NULL, &none)); show(FD_ISSET(fd, &set) != 0);
     show(select(-1, NULL, NULL, NULL, &none)); show(select(0, NULL, NULL, NULL, &negative)); show(select(0, NULL, NULL, NULL, &odd));`,
    () => {
      const fd = bound(SOCK_DGRAM);
      ok(close(fd));
      const set = fd_set();
      FD_SET(fd, set);
      show(select(fd + 1, set, null, null, { tv_sec: 0, tv_usec: 0 }));
      show(Number(FD_ISSET(fd, set)));
      show(select(-1, null, null, null, { tv_sec: 0, tv_usec: 0 }));
      show(select(0, null, null, null, { tv_sec: -1, tv_usec: 0 }));
      show(select(0, null, null, null, { tv_sec: 0, tv_usec: -1 }));
    },
  ),
  situation(
    "a signal interrupts poll, select, and a recv that has a time limit",
    `${INTERRUPT}
     int fds[2]; unix_pair(SOCK_STREAM, fds); char byte[1];
     struct timeval wait = { 50, 0 };
     ok(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait));
     show(poll(NULL, 0, -1)); show(select(0, NULL, NULL, NULL, NULL)); show(recv(fds[0], byte, 1, 0)); show(read(fds[0], byte, 1));
     kill(pesterer, SIGKILL);`,
    () => {
      using _pesterer = pester();
      const [ours] = unix_pair(SOCK_STREAM);
      const byte = new Uint8Array(1);
      ok(setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, timeval.encode({ tv_sec: 50, tv_usec: 0 })));
      show(poll([], 0, -1));
      show(select(0, null, null, null, null));
      show(recv(ours, byte, 1, 0));
      show(read(ours, byte, 1));
    },
  ),
];
