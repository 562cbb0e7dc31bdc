/** Situations of UDP sockets. */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  close,
  connect,
  FIONREAD,
  getpeername,
  htons,
  INADDR_BROADCAST,
  IP_RECVERR,
  IPPROTO_IP,
  ioctl,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_PEEK,
  MSG_TRUNC,
  ntohl,
  POLLERR,
  read,
  recv,
  recvfrom,
  SHUT_RD,
  SHUT_WR,
  SOCK_DGRAM,
  send,
  sendto,
  shutdown,
  sockaddr_in,
  sockaddr_in6,
  socket,
  write,
} from "../../../src/posix/index.ts";
import {
  address,
  ascii,
  bound,
  loopback,
  name_of,
  ok,
  type Situation,
  set_int,
  show,
  show_bytes,
  situation,
  wait_for,
} from "../_situation.ts";

export const DATAGRAMS: readonly Situation[] = [
  situation(
    "UDP: send and write without an address",
    `int fd = bound(SOCK_DGRAM);
     show(send(fd, "x", 1, 0)); show(write(fd, "x", 1)); show(sendto(fd, "x", 1, 0, NULL, 0));`,
    () => {
      const fd = bound(SOCK_DGRAM);
      show(send(fd, ascii("x"), 1, 0));
      show(write(fd, ascii("x"), 1));
      show(sendto(fd, ascii("x"), 1, 0, null, 0));
    },
  ),
  situation(
    "UDP: recvfrom says who has sent",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to), from;
     char buffer[8]; socklen_t length = sizeof from;
     show(sendto(fd, "hello", 5, 0, SA(name)));
     show(recvfrom(to, buffer, 8, 0, SP(from), &length)); show(length); show_bytes(buffer, 5);
     show(from.sin_family); show(ntohl(from.sin_addr.s_addr)); show(from.sin_port == name_of(fd).sin_port);
     show(sendto(fd, "again", 5, 0, SA(name))); show(recvfrom(to, buffer, 8, 0, NULL, NULL));`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const [name, from] = [name_of(to), sockaddr_in()];
      const buffer = new Uint8Array(8);
      const length = { value: 16 };
      show(sendto(fd, ascii("hello"), 5, 0, name));
      show(recvfrom(to, buffer, 8, 0, from, length));
      show(length.value);
      show_bytes(buffer, 5);
      show(from.sin_family);
      show(ntohl(from.sin_addr.s_addr));
      show(Number(from.sin_port === name_of(fd).sin_port));
      show(sendto(fd, ascii("again"), 5, 0, name));
      show(recvfrom(to, buffer, 8, 0, null, null));
    },
  ),
  situation(
    "UDP: recvfrom with too little room for the address",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to);
     char buffer[8], room[16]; memset(room, 0xee, 16); socklen_t length = 2;
     ok(sendto(fd, "hello", 5, 0, SA(name)));
     show(recvfrom(to, buffer, 8, 0, (struct sockaddr *)room, &length)); show(length); show_bytes(room, 16);`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const room = new Uint8Array(16).fill(0xee);
      const length = { value: 2 };
      ok(sendto(fd, ascii("hello"), 5, 0, name_of(to)));
      show(recvfrom(to, new Uint8Array(8), 8, 0, room, length));
      show(length.value);
      show_bytes(room);
    },
  ),
  situation(
    "UDP: the longest datagram, and one byte more",
    `static char much[70000];
     int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to);
     show(sendto(fd, much, 65507, 0, SA(name))); show(sendto(fd, much, 65508, 0, SA(name)));
     show(sendto(fd, much, 70000, 0, SA(name))); show(recv(to, much, sizeof much, 0));`,
    () => {
      const much = new Uint8Array(70_000);
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const name = name_of(to);
      show(sendto(fd, much, 65507, 0, name));
      show(sendto(fd, much, 65508, 0, name));
      show(sendto(fd, much, 70000, 0, name));
      show(recv(to, much, much.length, 0));
    },
  ),
  situation(
    "UDP: a cut datagram, without and with MSG_TRUNC",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to);
     char buffer[4] = { 0 };
     for (int i = 0; i < 3; i++) ok(sendto(fd, "abcdefgh", 8, 0, SA(name)));
     show(recv(to, buffer, 3, 0)); show_bytes(buffer, 4);
     show(recv(to, buffer, 3, MSG_TRUNC)); show_bytes(buffer, 4);
     show(recv(to, buffer, 0, MSG_TRUNC)); show(recv(to, buffer, 4, MSG_DONTWAIT));`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const name = name_of(to);
      const buffer = new Uint8Array(4);
      for (let i = 0; i < 3; i++) ok(sendto(fd, ascii("abcdefgh"), 8, 0, name));
      show(recv(to, buffer, 3, 0));
      show_bytes(buffer);
      show(recv(to, buffer, 3, MSG_TRUNC));
      show_bytes(buffer);
      show(recv(to, buffer, 0, MSG_TRUNC));
      show(recv(to, buffer, 4, MSG_DONTWAIT));
    },
  ),
  situation(
    "UDP: datagrams of no bytes",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to), from = { 0 };
     char buffer[4]; socklen_t length = sizeof from;
     show(sendto(fd, "", 0, 0, SA(name)));
     show(recvfrom(to, buffer, 4, 0, SP(from), &length)); show(from.sin_port == name_of(fd).sin_port);
     ok(connect(fd, SA(name)));
     show(send(fd, "", 0, 0)); show(write(fd, "", 0)); show(recv(to, buffer, 4, MSG_DONTWAIT));
     show(recv(to, buffer, 4, MSG_DONTWAIT)); show(recv(to, buffer, 4, MSG_DONTWAIT));`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const [name, from] = [name_of(to), sockaddr_in()];
      const [buffer, nothing] = [new Uint8Array(4), new Uint8Array()];
      show(sendto(fd, nothing, 0, 0, name));
      show(recvfrom(to, buffer, 4, 0, from));
      show(Number(from.sin_port === name_of(fd).sin_port));
      ok(connect(fd, name));
      show(send(fd, nothing, 0, 0));
      show(write(fd, nothing, 0));
      show(recv(to, buffer, 4, MSG_DONTWAIT));
      show(recv(to, buffer, 4, MSG_DONTWAIT));
      show(recv(to, buffer, 4, MSG_DONTWAIT));
    },
  ),
  situation(
    "UDP: MSG_PEEK and FIONREAD tell of the next datagram",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to);
     char buffer[2]; int count = -1;
     show(ioctl(to, FIONREAD, &count)); show(count);
     ok(sendto(fd, "abcdef", 6, 0, SA(name))); ok(sendto(fd, "gh", 2, 0, SA(name)));
     show(ioctl(to, FIONREAD, &count)); show(count);
     show(recv(to, buffer, 2, MSG_PEEK)); show(recv(to, buffer, 2, MSG_PEEK | MSG_TRUNC));
     show(recv(to, buffer, 2, 0)); show_bytes(buffer, 2); show(recv(to, buffer, 2, 0)); show_bytes(buffer, 2);`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const name = name_of(to);
      const buffer = new Uint8Array(2);
      const count = { value: -1 };
      show(ioctl(to, FIONREAD, count));
      show(count.value);
      ok(sendto(fd, ascii("abcdef"), 6, 0, name));
      ok(sendto(fd, ascii("gh"), 2, 0, name));
      show(ioctl(to, FIONREAD, count));
      show(count.value);
      show(recv(to, buffer, 2, MSG_PEEK));
      show(recv(to, buffer, 2, MSG_PEEK | MSG_TRUNC));
      show(recv(to, buffer, 2, 0));
      show_bytes(buffer);
      show(recv(to, buffer, 2, 0));
      show_bytes(buffer);
    },
  ),
  situation(
    "UDP: a connected socket hears that its peer is not there",
    `int fd = bound(SOCK_DGRAM), other = bound(SOCK_DGRAM);
     sockaddr_in gone = address(0x7f000009, name_of(fd).sin_port); /* 127.0.0.9: nobody has that port there */
     char buffer[4];
     show(connect(fd, SA(gone))); show(send(fd, "x", 1, 0)); wait_for(fd, POLLERR);
     show(recv(fd, buffer, 4, 0)); show(recv(fd, buffer, 4, MSG_DONTWAIT));
     show(send(fd, "x", 1, 0)); wait_for(fd, POLLERR); show(send(fd, "x", 1, 0));
     show(sendto(other, "x", 1, 0, SA(gone))); show(recv(other, buffer, 4, MSG_DONTWAIT));
     show(sendto(other, "x", 1, 0, SA(gone)));`,
    () => {
      const [fd, other] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const gone = address(0x7f000009, name_of(fd).sin_port); // 127.0.0.9: nobody has that port there
      const buffer = new Uint8Array(4);
      show(connect(fd, gone));
      show(send(fd, ascii("x"), 1, 0));
      wait_for(fd, POLLERR);
      show(recv(fd, buffer, 4, 0));
      show(recv(fd, buffer, 4, MSG_DONTWAIT));
      show(send(fd, ascii("x"), 1, 0));
      wait_for(fd, POLLERR);
      show(send(fd, ascii("x"), 1, 0));
      show(sendto(other, ascii("x"), 1, 0, gone));
      show(recv(other, buffer, 4, MSG_DONTWAIT));
      show(sendto(other, ascii("x"), 1, 0, gone));
    },
  ),
  situation(
    "UDP: a connected socket hears nobody else, can send to others, and be disconnected",
    `int a = bound(SOCK_DGRAM), b = bound(SOCK_DGRAM), c = bound(SOCK_DGRAM);
     sockaddr_in a_name = name_of(a), b_name = name_of(b), c_name = name_of(c), peer;
     char buffer[4]; socklen_t length = sizeof peer;
     show(connect(a, SA(b_name))); show(connect(a, SA(b_name)));
     show(sendto(c, "no", 2, 0, SA(a_name))); show(recv(a, buffer, 4, MSG_DONTWAIT));
     show(sendto(a, "yes", 3, 0, SA(c_name))); show(recv(c, buffer, 4, 0));
     peer.sin_family = AF_UNSPEC;
     show(connect(a, SA(peer))); show(getpeername(a, SP(peer), &length)); show(send(a, "x", 1, 0));`,
    () => {
      const [a, b, c] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const [a_name, b_name, c_name, peer] = [name_of(a), name_of(b), name_of(c), sockaddr_in()];
      const buffer = new Uint8Array(4);
      show(connect(a, b_name));
      show(connect(a, b_name));
      show(sendto(c, ascii("no"), 2, 0, a_name));
      show(recv(a, buffer, 4, MSG_DONTWAIT));
      show(sendto(a, ascii("yes"), 3, 0, c_name));
      show(recv(c, buffer, 4, 0));
      peer.sin_family = AF_UNSPEC;
      show(connect(a, peer));
      show(getpeername(a, peer));
      show(send(a, ascii("x"), 1, 0));
    },
  ),
  situation(
    "UDP: sendto with addresses that cannot be",
    `int fd = bound(SOCK_DGRAM);
     sockaddr_in zero = loopback(0), name = loopback(htons(9)), all = address(INADDR_BROADCAST, htons(9));
     sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
     show(sendto(fd, "x", 1, 0, SA(zero))); show(sendto(fd, "x", 1, 0, SP(name), 15));
     show(sendto(fd, "x", 1, 0, SP(name), 0)); show(sendto(fd, "x", 1, 0, SA(six)));
     show(sendto(fd, "x", 1, 0, SA(all)));
     name.sin_family = 999; show(sendto(fd, "x", 1, 0, SA(name)));`,
    () => {
      const fd = bound(SOCK_DGRAM);
      const [zero, name, all] = [loopback(0), loopback(htons(9)), address(INADDR_BROADCAST, htons(9))];
      const six = sockaddr_in6({ sin6_family: AF_INET6, sin6_port: htons(9) });
      show(sendto(fd, ascii("x"), 1, 0, zero));
      show(sendto(fd, ascii("x"), 1, 0, name, 15));
      show(sendto(fd, ascii("x"), 1, 0, name, 0));
      show(sendto(fd, ascii("x"), 1, 0, six));
      show(sendto(fd, ascii("x"), 1, 0, all));
      name.sin_family = 999;
      show(sendto(fd, ascii("x"), 1, 0, name));
    },
  ),
  situation(
    "UDP: shutdown, unconnected and connected",
    `int fd = bound(SOCK_DGRAM), to = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to);
     char buffer[4];
     show(shutdown(fd, SHUT_RD));
     ok(connect(fd, SA(name)));
     show(shutdown(fd, SHUT_RD)); show(read(fd, buffer, 4));
     show(shutdown(fd, SHUT_WR)); show(send(fd, "x", 1, 0));`,
    () => {
      const [fd, to] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      show(shutdown(fd, SHUT_RD));
      ok(connect(fd, name_of(to)));
      show(shutdown(fd, SHUT_RD));
      show(read(fd, new Uint8Array(4), 4));
      show(shutdown(fd, SHUT_WR));
      show(send(fd, ascii("x"), 1, 0));
    },
  ),
  situation(
    "UDP: MSG_MORE gathers one datagram from several calls",
    `int to = bound(SOCK_DGRAM), fd = ok(socket(AF_INET, SOCK_DGRAM, 0));
     sockaddr_in name = name_of(to);
     char buffer[8];
     ok(connect(fd, SA(name)));
     show(send(fd, "abc", 3, MSG_MORE)); show(recv(to, buffer, 8, MSG_DONTWAIT));
     show(send(fd, "de", 2, 0)); show(recv(to, buffer, 8, 0)); show_bytes(buffer, 5);`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), ok(socket(AF_INET, SOCK_DGRAM, 0))];
      const buffer = new Uint8Array(8);
      ok(connect(fd, name_of(to)));
      show(send(fd, ascii("abc"), 3, MSG_MORE));
      show(recv(to, buffer, 8, MSG_DONTWAIT));
      show(send(fd, ascii("de"), 2, 0));
      show(recv(to, buffer, 8, 0));
      show_bytes(buffer, 5);
    },
  ),
  situation(
    "UDP: the error queue",
    `int fd = bound(SOCK_DGRAM);
     sockaddr_in gone = address(0x7f000009, name_of(fd).sin_port), from = { 0 };
     char buffer[4] = { 0 }; socklen_t length = sizeof from;
     show(recv(fd, buffer, 4, MSG_ERRQUEUE));
     set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
     ok(sendto(fd, "ab", 2, 0, SA(gone))); wait_for(fd, POLLERR);
     show(recvfrom(fd, buffer, 4, MSG_ERRQUEUE, SP(from), &length)); show_bytes(buffer, 4);
     show(ntohl(from.sin_addr.s_addr)); show(recv(fd, buffer, 4, MSG_ERRQUEUE));
     show(recv(fd, buffer, 4, MSG_DONTWAIT));`,
    () => {
      const fd = bound(SOCK_DGRAM);
      const [gone, from] = [address(0x7f000009, name_of(fd).sin_port), sockaddr_in()];
      const buffer = new Uint8Array(4);
      show(recv(fd, buffer, 4, MSG_ERRQUEUE));
      set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
      ok(sendto(fd, ascii("ab"), 2, 0, gone));
      wait_for(fd, POLLERR);
      show(recvfrom(fd, buffer, 4, MSG_ERRQUEUE, from));
      show_bytes(buffer);
      show(ntohl(from.sin_addr.s_addr));
      show(recv(fd, buffer, 4, MSG_ERRQUEUE));
      show(recv(fd, buffer, 4, MSG_DONTWAIT));
    },
  ),
  situation(
    "UDP: close while a datagram waits, and use of the closed fd",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to);
     char buffer[4];
     ok(sendto(fd, "x", 1, 0, SA(name)));
     show(close(to)); show(recv(to, buffer, 4, 0)); show(close(to));`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      ok(sendto(fd, ascii("x"), 1, 0, name_of(to)));
      show(close(to));
      show(recv(to, new Uint8Array(4), 4, 0));
      show(close(to));
    },
  ),
];
