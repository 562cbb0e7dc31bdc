/** Situations of fds: closed ones, others than sockets, duplicates, fcntl and ioctl. */
import { openSync } from "node:fs";
import {
  accept,
  bind,
  close,
  connect,
  dup,
  dup2,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  FIOCLEX,
  FIONBIO,
  FIONREAD,
  fcntl,
  getpeername,
  getsockname,
  getsockopt,
  htons,
  ioctl,
  listen,
  MSG_DONTWAIT,
  O_CLOEXEC,
  O_NONBLOCK,
  pipe,
  pipe2,
  read,
  recv,
  recvfrom,
  recvmsg,
  SHUT_RDWR,
  SIOCATMARK,
  SIOCGIFFLAGS,
  SIOCGIFINDEX,
  SIOCOUTQ,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  send,
  sendmsg,
  sendto,
  setsockopt,
  shutdown,
  sockaddr_in,
  write,
} from "../../../src/posix/index.ts";

import {
  ascii,
  bound,
  loopback,
  ok,
  type Situation,
  show,
  show_bytes,
  show_fd,
  situation,
  unix_pair,
} from "../_situation.ts";

const EVERY_CALL = `
     sockaddr_in name = loopback(htons(9)); socklen_t length = sizeof name;
     char buffer[4] = { 0 }; int value = 1; socklen_t four = 4;
     struct msghdr message = { 0 };
     show(bind(fd, SA(name))); show(listen(fd, 1)); show(accept(fd, NULL, NULL)); show(connect(fd, SA(name)));
     show(send(fd, buffer, 1, MSG_DONTWAIT)); show(recv(fd, buffer, 1, MSG_DONTWAIT));
     show(sendto(fd, buffer, 1, MSG_DONTWAIT, SA(name))); show(recvfrom(fd, buffer, 1, MSG_DONTWAIT, SP(name), &length));
     show(sendmsg(fd, &message, MSG_DONTWAIT)); show(recvmsg(fd, &message, MSG_DONTWAIT));
     show(shutdown(fd, SHUT_RDWR)); show(getsockname(fd, SP(name), &length)); show(getpeername(fd, SP(name), &length));
     show(setsockopt(fd, SOL_SOCKET, SO_TYPE, &value, 4)); show(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &four));
     show(ioctl(fd, SIOCATMARK, &value));`;

function every_call(fd: number): void {
  const name = loopback(htons(9));
  const buffer = new Uint8Array(4);
  show(bind(fd, name));
  show(listen(fd, 1));
  show(accept(fd, null, null));
  show(connect(fd, name));
  show(send(fd, buffer, 1, MSG_DONTWAIT));
  show(recv(fd, buffer, 1, MSG_DONTWAIT));
  show(sendto(fd, buffer, 1, MSG_DONTWAIT, name));
  show(recvfrom(fd, buffer, 1, MSG_DONTWAIT, name));
  show(sendmsg(fd, {}, MSG_DONTWAIT));
  show(recvmsg(fd, {}, MSG_DONTWAIT));
  show(shutdown(fd, SHUT_RDWR));
  show(getsockname(fd, sockaddr_in()));
  show(getpeername(fd, sockaddr_in()));
  show(setsockopt(fd, SOL_SOCKET, SO_TYPE, 1));
  show(getsockopt(fd, SOL_SOCKET, SO_TYPE, { value: 0 }));
  show(ioctl(fd, SIOCATMARK, { value: 0 }));
}

export const DESCRIPTORS: readonly Situation[] = [
  situation(
    "every call on -1, on an fd that was never open, on one that was closed",
    `char byte[1];
     int fds[] = { -1, 1000000, bound(SOCK_STREAM) }; ok(close(fds[2]));
     for (int i = 0; i < 3; i++) {
       int fd = fds[i];
       ${EVERY_CALL}
       show(read(fd, byte, 1)); show(write(fd, byte, 1)); show(close(fd)); show_fd(dup(fd)); show(dup2(fd, fd));
       show(fcntl(fd, F_GETFL)); show(fcntl(fd, F_DUPFD, 0)); show(ioctl(fd, FIONREAD, byte));
     }`,
    () => {
      const byte = new Uint8Array(1);
      const closed = bound(SOCK_STREAM);
      ok(close(closed));
      for (const fd of [-1, 1000000, closed]) {
        every_call(fd);
        show(read(fd, byte, 1));
        show(write(fd, byte, 1));
        show(close(fd));
        show_fd(dup(fd));
        show(dup2(fd, fd));
        show(fcntl(fd, F_GETFL));
        show(fcntl(fd, F_DUPFD, 0));
        show(ioctl(fd, FIONREAD, { value: 0 }));
      }
    },
  ),
  situation(
    "every call of sockets on a file",
    `int fd = ok(open("/dev/null", O_RDWR));
     ${EVERY_CALL}
     show(write(fd, buffer, 4)); show(read(fd, buffer, 4));`,
    () => {
      const fd = openSync("/dev/null", "r+");
      every_call(fd);
      show(write(fd, new Uint8Array(4), 4));
      show(read(fd, new Uint8Array(4), 4));
    },
  ),
  situation(
    "every call of sockets on a pipe, and what a pipe does",
    `int fds[2]; show(pipe(fds));
     int fd = fds[0];
     ${EVERY_CALL}
     show(write(fds[1], "abc", 3)); show(ioctl(fds[0], FIONREAD, &value)); show(value); show(read(fds[0], buffer, 2));
     show(write(fds[0], "x", 1)); show(read(fds[1], buffer, 1));
     ok(close(fds[0])); show(write(fds[1], "x", 1));
     ok(pipe(fds)); ok(close(fds[1])); show(read(fds[0], buffer, 1));`,
    () => {
      const fds: number[] = [];
      show(pipe(fds));
      const [from, to] = fds as [number, number];
      every_call(from);
      const [buffer, value] = [new Uint8Array(4), { value: 0 }];
      show(write(to, ascii("abc"), 3));
      show(ioctl(from, FIONREAD, value));
      show(value.value);
      show(read(from, buffer, 2));
      show(write(from, ascii("x"), 1));
      show(read(to, buffer, 1));
      ok(close(from));
      show(write(to, ascii("x"), 1));
      ok(pipe(fds));
      ok(close(fds[1] as number));
      show(read(fds[0] as number, buffer, 1));
    },
  ),
  situation(
    "pipe2 with O_NONBLOCK and O_CLOEXEC, and with flags that it does not have",
    `int fds[2]; char byte[1];
     show(pipe2(fds, O_NONBLOCK | O_CLOEXEC)); show(fcntl(fds[0], F_GETFL)); show(fcntl(fds[1], F_GETFL)); show(fcntl(fds[1], F_GETFD));
     show(read(fds[0], byte, 1)); show(pipe2(fds, 1)); show(pipe2(fds, -1));`,
    () => {
      const fds: [number, number] = [-1, -1];
      show(pipe2(fds, O_NONBLOCK | O_CLOEXEC));
      show(fcntl(fds[0], F_GETFL));
      show(fcntl(fds[1], F_GETFL));
      show(fcntl(fds[1], F_GETFD));
      show(read(fds[0], new Uint8Array(1), 1));
      show(pipe2(fds, 1));
      show(pipe2(fds, -1));
    },
  ),
  situation("close twice", `int fd = bound(SOCK_DGRAM); show(close(fd)); show(close(fd));`, () => {
    const fd = bound(SOCK_DGRAM);
    show(close(fd));
    show(close(fd));
  }),
  situation(
    "fcntl: the flags of a socket",
    `int fd = bound(SOCK_STREAM);
     show(fcntl(fd, F_GETFL)); show(fcntl(fd, F_SETFL, O_NONBLOCK)); show(fcntl(fd, F_GETFL)); show(accept(fd, NULL, NULL));
     show(fcntl(fd, F_SETFL, 0)); show(fcntl(fd, F_GETFL));
     show(fcntl(fd, F_GETFD)); show(fcntl(fd, F_SETFD, FD_CLOEXEC)); show(fcntl(fd, F_GETFD));
     show(fcntl(fd, 9999)); show(fcntl(fd, -1));`,
    () => {
      const fd = bound(SOCK_STREAM);
      show(fcntl(fd, F_GETFL));
      show(fcntl(fd, F_SETFL, O_NONBLOCK));
      show(fcntl(fd, F_GETFL));
      show(accept(fd, null, null));
      show(fcntl(fd, F_SETFL, 0));
      show(fcntl(fd, F_GETFL));
      show(fcntl(fd, F_GETFD));
      show(fcntl(fd, F_SETFD, FD_CLOEXEC));
      show(fcntl(fd, F_GETFD));
      show(fcntl(fd, 9999));
      show(fcntl(fd, -1));
    },
  ),
  situation(
    "fcntl: F_DUPFD and F_DUPFD_CLOEXEC",
    `int fd = bound(SOCK_STREAM), at = 700;
     int copy = fcntl(fd, F_DUPFD, at); show(copy); show(fcntl(copy, F_GETFD));
     copy = fcntl(fd, F_DUPFD_CLOEXEC, at + 10); show(copy); show(fcntl(copy, F_GETFD));
     show(fcntl(fd, F_DUPFD, -1)); show(fcntl(fd, F_DUPFD, 0x7fffffff)); show(close(700)); show(close(710));`,
    () => {
      const [fd, at] = [bound(SOCK_STREAM), 700];
      let copy = fcntl(fd, F_DUPFD, at);
      show(copy);
      show(fcntl(copy, F_GETFD));
      copy = fcntl(fd, F_DUPFD_CLOEXEC, at + 10);
      show(copy);
      show(fcntl(copy, F_GETFD));
      show(fcntl(fd, F_DUPFD, -1));
      show(fcntl(fd, F_DUPFD, 0x7fffffff));
      show(close(700));
      show(close(710));
    },
  ),
  situation(
    "dup: one socket under two numbers",
    `int fds[2]; unix_pair(SOCK_STREAM, fds);
     char buffer[4];
     int copy = dup(fds[0]); show_fd(copy);
     show(write(copy, "a", 1)); show(close(fds[0])); show(write(copy, "b", 1)); show(read(fds[1], buffer, 4));
     show(recv(fds[1], buffer, 4, MSG_DONTWAIT)); show(close(copy)); show(recv(fds[1], buffer, 4, MSG_DONTWAIT));`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_STREAM);
      const buffer = new Uint8Array(4);
      const copy = dup(ours);
      show_fd(copy);
      show(write(copy, ascii("a"), 1));
      show(close(ours));
      show(write(copy, ascii("b"), 1));
      show(read(theirs, buffer, 4));
      show(recv(theirs, buffer, 4, MSG_DONTWAIT));
      show(close(copy));
      show(recv(theirs, buffer, 4, MSG_DONTWAIT));
    },
  ),
  situation(
    "dup2: onto itself, onto another, onto what cannot be",
    `int fds[2]; unix_pair(SOCK_STREAM, fds);
     int other = bound(SOCK_STREAM); char buffer[4];
     show(dup2(fds[0], fds[0]) == fds[0]); show(dup2(fds[0], other) == other); show(write(other, "x", 1)); show(read(fds[1], buffer, 4));
     show(dup2(fds[0], -1)); show(dup2(fds[0], 0x7fffffff));`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_STREAM);
      const other = bound(SOCK_STREAM);
      show(Number(dup2(ours, ours) === ours));
      show(Number(dup2(ours, other) === other));
      show(write(other, ascii("x"), 1));
      show(read(theirs, new Uint8Array(4), 4));
      show(dup2(ours, -1));
      show(dup2(ours, 0x7fffffff));
    },
  ),
  situation(
    "ioctl: FIONBIO, FIOCLEX, SIOCOUTQ, requests that a socket does not have",
    `int fds[2]; unix_pair(SOCK_STREAM, fds);
     int on = 1, off = 0, value = 5; char buffer[4];
     show(ioctl(fds[0], FIONBIO, &on)); show(fcntl(fds[0], F_GETFL)); show(read(fds[0], buffer, 4));
     show(ioctl(fds[0], FIONBIO, &off)); show(fcntl(fds[0], F_GETFL));
     show(ioctl(fds[0], FIOCLEX)); show(fcntl(fds[0], F_GETFD));
     show(ioctl(fds[0], SIOCOUTQ, &value)); show(value);
     show(ioctl(fds[0], 0xdeadbeef, &value)); show(ioctl(fds[0], 0, &value)); show(ioctl(bound(SOCK_STREAM), 0x8b00, &value));`,
    () => {
      const [ours] = unix_pair(SOCK_STREAM);
      const value = { value: 5 };
      show(ioctl(ours, FIONBIO, { value: 1 }));
      show(fcntl(ours, F_GETFL));
      show(read(ours, new Uint8Array(4), 4));
      show(ioctl(ours, FIONBIO, { value: 0 }));
      show(fcntl(ours, F_GETFL));
      show(ioctl(ours, FIOCLEX));
      show(fcntl(ours, F_GETFD));
      show(ioctl(ours, SIOCOUTQ, value));
      show(value.value);
      show(ioctl(ours, 0xdeadbeef, value));
      show(ioctl(ours, 0, value));
      show(ioctl(bound(SOCK_STREAM), 0x8b00, value));
    },
  ),
  situation(
    "ioctl: an interface's index and flags in a struct ifreq",
    `int fd = bound(SOCK_DGRAM);
     struct ifreq r = { 0 }; strcpy(r.ifr_name, "lo");
     show(ioctl(fd, SIOCGIFINDEX, &r)); show_bytes(&r, sizeof r);
     show(ioctl(fd, SIOCGIFFLAGS, &r)); show_bytes((char *)&r + 16, 2);
     strcpy(r.ifr_name, "nosuchdev"); show(ioctl(fd, SIOCGIFFLAGS, &r));`,
    () => {
      const fd = bound(SOCK_DGRAM);
      const r = new Uint8Array(40);
      r.set(ascii("lo"));
      show(ioctl(fd, SIOCGIFINDEX, r));
      show_bytes(r);
      show(ioctl(fd, SIOCGIFFLAGS, r));
      show_bytes(r.subarray(16), 2);
      r.set(ascii("nosuchdev"));
      show(ioctl(fd, SIOCGIFFLAGS, r));
    },
  ),
  situation(
    "fcntl(F_SETFL) on a duplicate holds for both",
    `int fds[2]; unix_pair(SOCK_DGRAM, fds);
     int copy = ok(dup(fds[0])); char byte[1];
     show(fcntl(copy, F_SETFL, O_NONBLOCK)); show(fcntl(fds[0], F_GETFL)); show(recv(fds[0], byte, 1, 0));`,
    () => {
      const [ours] = unix_pair(SOCK_DGRAM);
      const copy = ok(dup(ours));
      show(fcntl(copy, F_SETFL, O_NONBLOCK));
      show(fcntl(ours, F_GETFL));
      show(recv(ours, new Uint8Array(1), 1, 0));
    },
  ),
];
