/** Situations of what flows through a TCP connection, and of how it ends. */
import {
  close,
  FIONREAD,
  htons,
  IPPROTO_TCP,
  ioctl,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  poll,
  read,
  recv,
  recvfrom,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SIOCATMARK,
  SO_ERROR,
  SO_OOBINLINE,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  SOCK_STREAM,
  SOL_SOCKET,
  send,
  sendto,
  setsockopt,
  shutdown,
  sockaddr_in,
  socket,
  TCP_NODELAY,
  timeval,
  write,
} from "../../../src/posix/index.ts";
import {
  ascii,
  get_int,
  loopback,
  no_wait,
  ok,
  reset,
  type Situation,
  set_int,
  show,
  show_bytes,
  situation,
  tcp_pair,
  wait_for,
} from "../_situation.ts";

export const STREAMS: readonly Situation[] = [
  situation(
    "write and read, with a count below the buffer's length, and of nothing",
    `int fds[2]; tcp_pair(fds);
     char buffer[8] = { 0 };
     show(write(fds[0], "hello, world", 5));
     show(read(fds[1], buffer, 3)); show_bytes(buffer, 8);
     show(read(fds[1], buffer, 0)); show(read(fds[1], buffer, 8)); show_bytes(buffer, 8);
     show(write(fds[0], "x", 0)); show(send(fds[0], "x", 0, 0));`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(8);
      show(write(client, ascii("hello, world"), 5));
      show(read(server, buffer, 3));
      show_bytes(buffer);
      show(read(server, buffer, 0));
      show(read(server, buffer, 8));
      show_bytes(buffer);
      show(write(client, ascii("x"), 0));
      show(send(client, ascii("x"), 0, 0));
    },
  ),
  situation(
    "send and recv on a socket that is not connected",
    `int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     char buffer[4];
     show(send(fd, "x", 1, 0)); show(write(fd, "x", 1)); show(recv(fd, buffer, 4, 0)); show(read(fd, buffer, 4));`,
    () => {
      const fd = ok(socket(2, SOCK_STREAM, 0));
      const buffer = new Uint8Array(4);
      show(send(fd, ascii("x"), 1, 0));
      show(write(fd, ascii("x"), 1));
      show(recv(fd, buffer, 4, 0));
      show(read(fd, buffer, 4));
    },
  ),
  situation(
    "sendto with an address, and recvfrom, on a connected stream",
    `int fds[2]; tcp_pair(fds);
     sockaddr_in other = loopback(htons(9)), from = loopback(htons(7));
     char buffer[4];
     show(sendto(fds[0], "ab", 2, 0, SA(other)));
     socklen_t length = sizeof from;
     show(recvfrom(fds[1], buffer, 4, 0, SP(from), &length)); show(length); show(ntohs(from.sin_port));`,
    () => {
      const [client, server] = tcp_pair();
      const from = sockaddr_in(loopback(htons(7)));
      const length = { value: 16 };
      show(sendto(client, ascii("ab"), 2, 0, loopback(htons(9))));
      show(recvfrom(server, new Uint8Array(4), 4, 0, from, length));
      show(length.value);
      show(htons(from.sin_port));
    },
  ),
  situation(
    "read after shutdown(SHUT_RD)",
    `int fds[2]; tcp_pair(fds);
     char buffer[4];
     show(shutdown(fds[1], SHUT_RD));
     show(read(fds[1], buffer, 4)); show(read(fds[1], buffer, 4));
     show(write(fds[0], "late", 4)); wait_for(fds[1], POLLIN);
     show(read(fds[1], buffer, 4)); show(shutdown(fds[1], SHUT_RD));`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      show(shutdown(server, SHUT_RD));
      show(read(server, buffer, 4));
      show(read(server, buffer, 4));
      show(write(client, ascii("late"), 4));
      wait_for(server, POLLIN);
      show(read(server, buffer, 4));
      show(shutdown(server, SHUT_RD));
    },
  ),
  situation(
    "write after shutdown(SHUT_WR), which leaves the other direction",
    `int fds[2]; tcp_pair(fds);
     char buffer[4];
     show(shutdown(fds[0], SHUT_WR)); show(write(fds[0], "x", 1)); show(send(fds[0], "x", 1, MSG_NOSIGNAL));
     show(read(fds[1], buffer, 4)); show(write(fds[1], "yes", 3)); show(read(fds[0], buffer, 4));
     show(shutdown(fds[0], SHUT_WR)); show(shutdown(fds[0], SHUT_RDWR));`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      show(shutdown(client, SHUT_WR));
      show(write(client, ascii("x"), 1));
      show(send(client, ascii("x"), 1, MSG_NOSIGNAL));
      show(read(server, buffer, 4));
      show(write(server, ascii("yes"), 3));
      show(read(client, buffer, 4));
      show(shutdown(client, SHUT_WR));
      show(shutdown(client, SHUT_RDWR));
    },
  ),
  situation(
    "read after a reset: once ECONNRESET, then the end",
    `int fds[2]; tcp_pair(fds);
     char buffer[4];
     reset(fds[1]); wait_for(fds[0], POLLIN);
     show(read(fds[0], buffer, 4)); show(read(fds[0], buffer, 4)); show(write(fds[0], "x", 1));
     show(shutdown(fds[0], SHUT_WR));`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      reset(server);
      wait_for(client, POLLIN);
      show(read(client, buffer, 4));
      show(read(client, buffer, 4));
      show(write(client, ascii("x"), 1));
      show(shutdown(client, SHUT_WR));
    },
  ),
  situation(
    "write after a reset: once ECONNRESET, then EPIPE",
    `int fds[2]; tcp_pair(fds);
     reset(fds[1]); wait_for(fds[0], POLLERR);
     show(write(fds[0], "x", 1)); show(write(fds[0], "x", 1)); show(get_int(fds[0], SOL_SOCKET, SO_ERROR));`,
    () => {
      const [client, server] = tcp_pair();
      reset(server);
      wait_for(client, POLLERR);
      show(write(client, ascii("x"), 1));
      show(write(client, ascii("x"), 1));
      show(get_int(client, SOL_SOCKET, SO_ERROR));
    },
  ),
  situation(
    "write to a peer that has closed: taken, then EPIPE",
    `int fds[2]; tcp_pair(fds);
     char buffer[4];
     ok(close(fds[1]));
     show(read(fds[0], buffer, 4)); show(write(fds[0], "x", 1));
     wait_for(fds[0], POLLHUP);
     show(write(fds[0], "x", 1)); show(read(fds[0], buffer, 4));`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      ok(close(server));
      show(read(client, buffer, 4));
      show(write(client, ascii("x"), 1));
      wait_for(client, POLLHUP);
      show(write(client, ascii("x"), 1));
      show(read(client, buffer, 4));
    },
  ),
  situation(
    "close with bytes that were not read resets the peer",
    `int fds[2]; tcp_pair(fds);
     char buffer[4];
     ok(write(fds[0], "unread", 6)); wait_for(fds[1], POLLIN);
     ok(close(fds[1])); wait_for(fds[0], POLLIN);
     show(read(fds[0], buffer, 4)); show(read(fds[0], buffer, 4));`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      ok(write(client, ascii("unread"), 6));
      wait_for(server, POLLIN);
      ok(close(server));
      wait_for(client, POLLIN);
      show(read(client, buffer, 4));
      show(read(client, buffer, 4));
    },
  ),
  situation(
    "MSG_PEEK leaves the bytes, FIONREAD counts them",
    `int fds[2]; tcp_pair(fds);
     char buffer[4] = { 0 }; int count = -1;
     ok(write(fds[0], "abcdef", 6)); wait_for(fds[1], POLLIN);
     show(recv(fds[1], buffer, 4, MSG_PEEK)); show_bytes(buffer, 4);
     show(ioctl(fds[1], FIONREAD, &count)); show(count);
     show(recv(fds[1], buffer, 4, 0)); show_bytes(buffer, 4);
     show(ioctl(fds[1], FIONREAD, &count)); show(count);`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      const count = { value: -1 };
      ok(write(client, ascii("abcdef"), 6));
      wait_for(server, POLLIN);
      show(recv(server, buffer, 4, MSG_PEEK));
      show_bytes(buffer);
      show(ioctl(server, FIONREAD, count));
      show(count.value);
      show(recv(server, buffer, 4, 0));
      show_bytes(buffer);
      show(ioctl(server, FIONREAD, count));
      show(count.value);
    },
  ),
  situation(
    "MSG_WAITALL: all there, then cut by the end of the stream",
    `int fds[2]; tcp_pair(fds);
     char buffer[6];
     set_int(fds[0], IPPROTO_TCP, TCP_NODELAY, 1);
     ok(write(fds[0], "abc", 3)); ok(write(fds[0], "defgh", 5)); ok(shutdown(fds[0], SHUT_WR));
     show(recv(fds[1], buffer, 6, MSG_WAITALL)); show_bytes(buffer, 6);
     show(recv(fds[1], buffer, 6, MSG_WAITALL)); show(recv(fds[1], buffer, 6, MSG_WAITALL));`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(6);
      set_int(client, IPPROTO_TCP, TCP_NODELAY, 1);
      ok(write(client, ascii("abc"), 3));
      ok(write(client, ascii("defgh"), 5));
      ok(shutdown(client, SHUT_WR));
      show(recv(server, buffer, 6, MSG_WAITALL));
      show_bytes(buffer);
      show(recv(server, buffer, 6, MSG_WAITALL));
      show(recv(server, buffer, 6, MSG_WAITALL));
    },
  ),
  situation(
    "MSG_DONTWAIT and O_NONBLOCK where nothing is there",
    `int fds[2]; tcp_pair(fds);
     char buffer[4];
     show(recv(fds[1], buffer, 4, MSG_DONTWAIT)); show(recv(fds[1], buffer, 4, MSG_DONTWAIT | MSG_WAITALL));
     no_wait(fds[1]);
     show(read(fds[1], buffer, 4)); show(recv(fds[1], buffer, 0, 0)); show(read(fds[1], buffer, 0));`,
    () => {
      const [, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      show(recv(server, buffer, 4, MSG_DONTWAIT));
      show(recv(server, buffer, 4, MSG_DONTWAIT | MSG_WAITALL));
      no_wait(server);
      show(read(server, buffer, 4));
      show(recv(server, buffer, 0, 0));
      show(read(server, buffer, 0));
    },
  ),
  situation(
    "MSG_TRUNC throws bytes of a stream away",
    `int fds[2]; tcp_pair(fds);
     char buffer[4] = { 0 };
     ok(write(fds[0], "abcdef", 6)); wait_for(fds[1], POLLIN);
     show(recv(fds[1], buffer, 4, MSG_TRUNC)); show_bytes(buffer, 4);
     show(recv(fds[1], buffer, 4, 0)); show_bytes(buffer, 2);`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      ok(write(client, ascii("abcdef"), 6));
      wait_for(server, POLLIN);
      show(recv(server, buffer, 4, MSG_TRUNC));
      show_bytes(buffer);
      show(recv(server, buffer, 4, 0));
      show_bytes(buffer, 2);
    },
  ),
  situation(
    "MSG_OOB: an urgent byte beside the stream, and its mark",
    `int fds[2]; tcp_pair(fds);
     char buffer[8] = { 0 }; int mark = -1;
     show(recv(fds[1], buffer, 1, MSG_OOB));
     ok(send(fds[0], "ab", 2, 0)); show(send(fds[0], "!", 1, MSG_OOB)); ok(send(fds[0], "cd", 2, 0));
     struct pollfd one = { fds[1], POLLPRI };
     show(poll(&one, 1, -1)); show(one.revents);
     show(ioctl(fds[1], SIOCATMARK, &mark)); show(mark);
     show(read(fds[1], buffer, 8)); show_bytes(buffer, 2);
     show(ioctl(fds[1], SIOCATMARK, &mark)); show(mark);
     show(recv(fds[1], buffer, 8, MSG_OOB)); show_bytes(buffer, 1); show(recv(fds[1], buffer, 8, MSG_OOB));
     show(read(fds[1], buffer, 8)); show_bytes(buffer, 2);`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(8);
      const mark = { value: -1 };
      show(recv(server, buffer, 1, MSG_OOB));
      ok(send(client, ascii("ab"), 2, 0));
      show(send(client, ascii("!"), 1, MSG_OOB));
      ok(send(client, ascii("cd"), 2, 0));
      const one = { fd: server, events: POLLPRI, revents: 0 };
      show(poll([one], 1, -1));
      show(one.revents);
      show(ioctl(server, SIOCATMARK, mark));
      show(mark.value);
      show(read(server, buffer, 8));
      show_bytes(buffer, 2);
      show(ioctl(server, SIOCATMARK, mark));
      show(mark.value);
      show(recv(server, buffer, 8, MSG_OOB));
      show_bytes(buffer, 1);
      show(recv(server, buffer, 8, MSG_OOB));
      show(read(server, buffer, 8));
      show_bytes(buffer, 2);
    },
  ),
  situation(
    "SO_OOBINLINE: the urgent byte in the stream",
    `int fds[2]; tcp_pair(fds);
     char buffer[8] = { 0 };
     set_int(fds[1], SOL_SOCKET, SO_OOBINLINE, 1);
     ok(send(fds[0], "ab", 2, 0)); ok(send(fds[0], "!", 1, MSG_OOB)); wait_for(fds[1], POLLPRI);
     show(recv(fds[1], buffer, 8, MSG_OOB)); show(read(fds[1], buffer, 8)); show(read(fds[1], buffer, 8));
     show_bytes(buffer, 1);`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(8);
      set_int(server, SOL_SOCKET, SO_OOBINLINE, 1);
      ok(send(client, ascii("ab"), 2, 0));
      ok(send(client, ascii("!"), 1, MSG_OOB));
      wait_for(server, POLLPRI);
      show(recv(server, buffer, 8, MSG_OOB));
      show(read(server, buffer, 8));
      show(read(server, buffer, 8));
      show_bytes(buffer, 1);
    },
  ),
  situation(
    "SO_RCVTIMEO: read gives up",
    `int fds[2]; tcp_pair(fds);
     char buffer[4];
     struct timeval wait = { 0, 20000 };
     show(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait));
     show(read(fds[1], buffer, 4)); show(recv(fds[1], buffer, 4, MSG_WAITALL));
     ok(write(fds[0], "ab", 2)); show(recv(fds[1], buffer, 4, MSG_WAITALL));`,
    () => {
      const [client, server] = tcp_pair();
      const buffer = new Uint8Array(4);
      const wait = timeval.encode({ tv_sec: 0, tv_usec: 20_000 });
      show(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, wait));
      show(read(server, buffer, 4));
      show(recv(server, buffer, 4, MSG_WAITALL));
      ok(write(client, ascii("ab"), 2));
      show(recv(server, buffer, 4, MSG_WAITALL));
    },
  ),
  situation(
    "SO_SNDTIMEO: write gives up once the buffers are full",
    `int fds[2]; tcp_pair(fds);
     static char much[1 << 16];
     struct timeval wait = { 0, 20000 };
     show(setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait));
     long result;
     while ((result = write(fds[0], much, sizeof much)) > 0);
     show(result);`,
    () => {
      const [client] = tcp_pair();
      const much = new Uint8Array(1 << 16);
      show(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, timeval.encode({ tv_sec: 0, tv_usec: 20_000 })));
      let result: number;
      do {
        result = write(client, much, much.length);
      } while (result > 0);
      show(result);
    },
  ),
  situation(
    "a non-blocking write to full buffers, and POLLOUT",
    `int fds[2]; tcp_pair(fds);
     static char much[1 << 16];
     no_wait(fds[0]);
     long result;
     while ((result = write(fds[0], much, sizeof much)) > 0);
     show(result); show(send(fds[0], much, 1, 0));
     struct pollfd one = { fds[0], POLLOUT };
     show(poll(&one, 1, 0)); show(one.revents);`,
    () => {
      const [client] = tcp_pair();
      const much = new Uint8Array(1 << 16);
      no_wait(client);
      let result: number;
      do {
        result = write(client, much, much.length);
      } while (result > 0);
      show(result);
      show(send(client, much, 1, 0));
      const one = { fd: client, events: POLLOUT, revents: 0 };
      show(poll([one], 1, 0));
      show(one.revents);
    },
  ),
];
