/** Situations of Unix sockets. The working directory is one of their own. */
import { writeFileSync } from "node:fs";
import {
  AF_INET,
  AF_UNIX,
  accept,
  bind,
  close,
  connect,
  getpeername,
  getsockname,
  getsockopt,
  listen,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  POLLHUP,
  POLLIN,
  poll,
  read,
  recv,
  recvfrom,
  SHUT_WR,
  SO_PEERCRED,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  send,
  sendto,
  shutdown,
  sockaddr_un,
  socket,
  socketpair,
  ucred,
  write,
} from "../../../src/posix/index.ts";
import {
  ascii,
  get_int,
  ok,
  type Situation,
  show,
  show_bytes,
  show_fd,
  show_text,
  situation,
  unix_address,
  unix_pair,
  wait_for,
} from "../_situation.ts";

export const LOCAL: readonly Situation[] = [
  situation(
    "Unix: a path that exists, a folder that does not",
    `int fd = ok(socket(AF_UNIX, SOCK_STREAM, 0)), other = ok(socket(AF_UNIX, SOCK_STREAM, 0));
     sockaddr_un name = unix_address("exists"), lost = unix_address("no/such/folder");
     show(bind(fd, SA(name))); show(bind(other, SA(name))); show(bind(fd, SA(lost))); show(bind(other, SA(lost)));
     show(close(fd)); show(bind(other, SA(name)));`,
    () => {
      const [fd, other] = [ok(socket(AF_UNIX, SOCK_STREAM, 0)), ok(socket(AF_UNIX, SOCK_STREAM, 0))];
      const [name, lost] = [unix_address("exists"), unix_address("no/such/folder")];
      show(bind(fd, name));
      show(bind(other, name));
      show(bind(fd, lost));
      show(bind(other, lost));
      show(close(fd));
      show(bind(other, name));
    },
  ),
  situation(
    "Unix: connect to a stale file, to no file, to a file that is no socket",
    `int listener = ok(socket(AF_UNIX, SOCK_STREAM, 0)), fd = ok(socket(AF_UNIX, SOCK_STREAM, 0));
     sockaddr_un name = unix_address("stale"), none = unix_address("nothing"), plain = unix_address("plain");
     ok(bind(listener, SA(name)));
     show(connect(fd, SA(name)));
     ok(listen(listener, 1)); ok(close(listener));
     fclose(fopen("plain", "w"));
     show(connect(fd, SA(name))); show(connect(fd, SA(none))); show(connect(fd, SA(plain)));
     sockaddr_un empty = { AF_UNIX };
     show(connect(fd, SA(empty))); show(connect(fd, SP(empty), 2)); show(connect(fd, SP(empty), 1));`,
    () => {
      const [listener, fd] = [ok(socket(AF_UNIX, SOCK_STREAM, 0)), ok(socket(AF_UNIX, SOCK_STREAM, 0))];
      const [name, none, plain] = [unix_address("stale"), unix_address("nothing"), unix_address("plain")];
      ok(bind(listener, name));
      show(connect(fd, name));
      ok(listen(listener, 1));
      ok(close(listener));
      writeFileSync("plain", "");
      show(connect(fd, name));
      show(connect(fd, none));
      show(connect(fd, plain));
      const empty = unix_address("");
      show(connect(fd, empty, 110));
      show(connect(fd, empty, 2));
      show(connect(fd, empty, 1));
    },
  ),
  situation(
    "Unix: paths as long as can be, and longer",
    `int fd = ok(socket(AF_UNIX, SOCK_DGRAM, 0)), other = ok(socket(AF_UNIX, SOCK_DGRAM, 0));
     struct { sa_family_t family; char path[126]; } name = { AF_UNIX };
     memset(name.path, 'p', 126);
     show(bind(fd, SP(name), 111)); show(bind(fd, SP(name), 128));
     show(bind(fd, SP(name), 110)); /* 108 bytes, and no NUL */
     sockaddr_storage got; socklen_t length = sizeof got;
     show(getsockname(fd, SP(got), &length)); show(length); show(strlen((char *)&got + 2));
     name.path[106] = 0; name.path[105] = 'q';
     show(bind(other, SP(name), 110));
     length = sizeof got; show(getsockname(other, SP(got), &length)); show(length);`,
    () => {
      const [fd, other] = [ok(socket(AF_UNIX, SOCK_DGRAM, 0)), ok(socket(AF_UNIX, SOCK_DGRAM, 0))];
      const long = new Uint8Array(128).fill(0x70);
      long.set([AF_UNIX, 0]);
      show(bind(fd, long, 111));
      show(bind(fd, long, 128));
      show(bind(fd, { sun_family: AF_UNIX, sun_path: "p".repeat(108) })); // 108 bytes, and no NUL
      const [got, length] = [new Uint8Array(128), { value: 128 }];
      show(getsockname(fd, got, length));
      show(length.value);
      show(got.indexOf(0, 2) - 2);
      show(bind(other, { sun_family: AF_UNIX, sun_path: `${"p".repeat(105)}q` }));
      length.value = 128;
      show(getsockname(other, got, length));
      show(length.value);
    },
  ),
  situation(
    "Unix: lengths of the address that cut it, and the wrong family",
    `int fd = ok(socket(AF_UNIX, SOCK_STREAM, 0)), inet = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_un name = unix_address("cut-here");
     show(bind(fd, SP(name), 0)); show(bind(fd, SP(name), 1)); show(bind(inet, SA(name)));
     show(bind(fd, SP(name), 5)); /* "cut" */
     sockaddr_un got = { 0 }; socklen_t length = sizeof got;
     show(getsockname(fd, SP(got), &length)); show(length); show_text(got.sun_path);
     name.sun_family = AF_INET; show(connect(fd, SA(name)));`,
    () => {
      const [fd, inet] = [ok(socket(AF_UNIX, SOCK_STREAM, 0)), ok(socket(AF_INET, SOCK_STREAM, 0))];
      const name = unix_address("cut-here");
      show(bind(fd, name, 0));
      show(bind(fd, name, 1));
      show(bind(inet, name, 110));
      show(bind(fd, name, 5)); // "cut"
      const [got, length] = [sockaddr_un(), { value: 110 }];
      show(getsockname(fd, got, length));
      show(length.value);
      show_text(got.sun_path);
      name.sun_family = AF_INET;
      show(connect(fd, name));
    },
  ),
  situation(
    "Unix: abstract names, whose length counts",
    `int a = ok(socket(AF_UNIX, SOCK_STREAM, 0)), b = ok(socket(AF_UNIX, SOCK_STREAM, 0)), c = ok(socket(AF_UNIX, SOCK_STREAM, 0));
     sockaddr_un name = { AF_UNIX }, got = { 0 };
     int count = sprintf(name.sun_path + 1, "windsock-%d", getpid());
     socklen_t length = 2 + 1 + count;
     show(bind(a, SP(name), length)); show(bind(b, SP(name), length)); show(bind(b, SP(name), length + 1));
     socklen_t got_length = sizeof got;
     show(getsockname(b, SP(got), &got_length)); show(got_length - length); show_bytes(got.sun_path, 4);
     show(listen(a, 1)); show(connect(c, SP(name), length)); show(connect(c, SP(name), length - 1));`,
    () => {
      const [a, b, c] = [1, 2, 3].map(() => ok(socket(AF_UNIX, SOCK_STREAM, 0))) as [number, number, number];
      const name = unix_address(`\0windsock-${process.pid}`);
      const length = 2 + name.sun_path.length;
      show(bind(a, name));
      show(bind(b, name));
      show(bind(b, name, length + 1));
      const [got, got_length] = [sockaddr_un(), { value: 110 }];
      show(getsockname(b, got, got_length));
      show(got_length.value - length);
      show_bytes(ascii(got.sun_path), 4);
      show(listen(a, 1));
      show(connect(c, name));
      show(connect(c, name, length - 1));
    },
  ),
  situation(
    "Unix: a name that the kernel chooses",
    `int fd = ok(socket(AF_UNIX, SOCK_STREAM, 0));
     sockaddr_un name = { AF_UNIX }; socklen_t length = sizeof name;
     show(bind(fd, SP(name), 2)); show(getsockname(fd, SP(name), &length)); show(length); show(name.sun_path[0]);
     show(bind(fd, SP(name), 2)); show(bind(fd, SP(name), length));`,
    () => {
      const fd = ok(socket(AF_UNIX, SOCK_STREAM, 0));
      const [name, length] = [unix_address(""), { value: 110 }];
      show(bind(fd, name));
      show(getsockname(fd, name, length));
      show(length.value);
      show(name.sun_path.charCodeAt(0));
      show(bind(fd, name, 2));
      show(bind(fd, name));
    },
  ),
  situation(
    "Unix: connect, accept, and the names of both ends",
    `int listener = ok(socket(AF_UNIX, SOCK_STREAM, 0)), fd = ok(socket(AF_UNIX, SOCK_STREAM, 0));
     sockaddr_un name = unix_address("listener"), peer; memset(&peer, 0, sizeof peer);
     ok(bind(listener, SA(name))); show(connect(fd, SA(name))); ok(listen(listener, 0)); show(connect(fd, SA(name)));
     socklen_t length = sizeof peer; show_fd(accept(listener, SP(peer), &length)); show(length); show(peer.sun_family);
     length = sizeof peer; show(getpeername(fd, SP(peer), &length)); show(length); show_text(peer.sun_path);
     length = sizeof peer; show(getsockname(fd, SP(peer), &length)); show(length);
     length = 6; show(getpeername(fd, SP(peer), &length)); show(length);`,
    () => {
      const [listener, fd] = [ok(socket(AF_UNIX, SOCK_STREAM, 0)), ok(socket(AF_UNIX, SOCK_STREAM, 0))];
      const [name, peer, length] = [unix_address("listener"), sockaddr_un(), { value: 110 }];
      ok(bind(listener, name));
      show(connect(fd, name));
      ok(listen(listener, 0));
      show(connect(fd, name));
      show_fd(accept(listener, peer, length));
      show(length.value);
      show(peer.sun_family);
      length.value = 110;
      show(getpeername(fd, peer, length));
      show(length.value);
      show_text(peer.sun_path);
      length.value = 110;
      show(getsockname(fd, peer, length));
      show(length.value);
      length.value = 6;
      show(getpeername(fd, peer, length));
      show(length.value);
    },
  ),
  situation(
    "Unix: a listener whose queue is full",
    `int listener = ok(socket(AF_UNIX, SOCK_STREAM, 0));
     sockaddr_un name = unix_address("full");
     ok(bind(listener, SA(name))); ok(listen(listener, 0));
     for (int i = 0; i < 3; i++) show(connect(ok(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)), SA(name)));`,
    () => {
      const listener = ok(socket(AF_UNIX, SOCK_STREAM, 0));
      const name = unix_address("full");
      ok(bind(listener, name));
      ok(listen(listener, 0));
      for (let i = 0; i < 3; i++) show(connect(ok(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)), name));
    },
  ),
  situation(
    "Unix: sockets of one type connect to another",
    `int stream = ok(socket(AF_UNIX, SOCK_STREAM, 0)), dgram = ok(socket(AF_UNIX, SOCK_DGRAM, 0));
     sockaddr_un one = unix_address("one"), two = unix_address("two");
     ok(bind(stream, SA(one))); ok(listen(stream, 1)); ok(bind(dgram, SA(two)));
     show(connect(ok(socket(AF_UNIX, SOCK_DGRAM, 0)), SA(one)));
     show(connect(ok(socket(AF_UNIX, SOCK_STREAM, 0)), SA(two)));
     show(connect(ok(socket(AF_UNIX, SOCK_SEQPACKET, 0)), SA(one)));
     show(listen(dgram, 1)); show(listen(ok(socket(AF_UNIX, SOCK_STREAM, 0)), 1));
     show_fd(accept(dgram, NULL, NULL));`,
    () => {
      const [stream, dgram] = [ok(socket(AF_UNIX, SOCK_STREAM, 0)), ok(socket(AF_UNIX, SOCK_DGRAM, 0))];
      const [one, two] = [unix_address("one"), unix_address("two")];
      ok(bind(stream, one));
      ok(listen(stream, 1));
      ok(bind(dgram, two));
      show(connect(ok(socket(AF_UNIX, SOCK_DGRAM, 0)), one));
      show(connect(ok(socket(AF_UNIX, SOCK_STREAM, 0)), two));
      show(connect(ok(socket(AF_UNIX, SOCK_SEQPACKET, 0)), one));
      show(listen(dgram, 1));
      show(listen(ok(socket(AF_UNIX, SOCK_STREAM, 0)), 1));
      show_fd(accept(dgram, null, null));
    },
  ),
  situation(
    "socketpair of every type, and of those that cannot be",
    `int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW, 4, 99 };
     for (int i = 0; i < 6; i++) {
       int fds[2], result = socketpair(AF_UNIX, types[i], 0, fds);
       show(result);
       if (result == 0) show(get_int(fds[1], SOL_SOCKET, SO_TYPE));
     }
     int fds[2];
     show(socketpair(AF_INET, SOCK_STREAM, 0, fds)); show(socketpair(AF_UNIX, SOCK_STREAM, 7, fds));
     show(socketpair(999, SOCK_STREAM, 0, fds));`,
    () => {
      for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW, 4, 99]) {
        const fds: number[] = [];
        const result = socketpair(AF_UNIX, type, 0, fds);
        show(result);
        if (result === 0) show(get_int(fds[1] as number, SOL_SOCKET, SO_TYPE));
      }
      const fds: number[] = [];
      show(socketpair(AF_INET, SOCK_STREAM, 0, fds));
      show(socketpair(AF_UNIX, SOCK_STREAM, 7, fds));
      show(socketpair(999, SOCK_STREAM, 0, fds));
    },
  ),
  situation(
    "socketpair: the end of one side",
    `int fds[2]; unix_pair(SOCK_STREAM, fds);
     char buffer[8]; sockaddr_un name; socklen_t length = sizeof name;
     show(getpeername(fds[0], SP(name), &length)); show(length);
     ok(write(fds[1], "last", 4)); show(shutdown(fds[1], SHUT_WR)); show(write(fds[1], "x", 1));
     show(read(fds[0], buffer, 8)); show(read(fds[0], buffer, 8)); show(write(fds[0], "back", 4));
     ok(close(fds[1]));
     struct pollfd one = { fds[0], POLLIN };
     show(poll(&one, 1, -1)); show(one.revents); show(read(fds[0], buffer, 8)); show(read(fds[0], buffer, 8));
     show(write(fds[0], "x", 1)); show(send(fds[0], "x", 1, MSG_NOSIGNAL));`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_STREAM);
      const buffer = new Uint8Array(8);
      const length = { value: 110 };
      show(getpeername(ours, sockaddr_un(), length));
      show(length.value);
      ok(write(theirs, ascii("last"), 4));
      show(shutdown(theirs, SHUT_WR));
      show(write(theirs, ascii("x"), 1));
      show(read(ours, buffer, 8));
      show(read(ours, buffer, 8));
      show(write(ours, ascii("back"), 4));
      ok(close(theirs));
      const one = { fd: ours, events: POLLIN, revents: 0 };
      show(poll([one], 1, -1));
      show(one.revents);
      show(read(ours, buffer, 8));
      show(read(ours, buffer, 8));
      show(write(ours, ascii("x"), 1));
      show(send(ours, ascii("x"), 1, MSG_NOSIGNAL));
    },
  ),
  situation(
    "Unix datagrams to a full queue",
    `int fds[2]; unix_pair(SOCK_DGRAM | SOCK_NONBLOCK, fds);
     long sent = 0, result;
     while ((result = send(fds[0], "x", 1, 0)) > 0) sent++;
     show(sent); show(result); show(send(fds[0], "x", 1, MSG_DONTWAIT));
     char buffer[4];
     show(recv(fds[1], buffer, 4, 0)); show(send(fds[0], "x", 1, 0));`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_DGRAM | SOCK_NONBLOCK);
      let sent = 0;
      let result: number;
      do {
        result = send(ours, ascii("x"), 1, 0);
        if (result > 0) sent++;
      } while (result > 0);
      show(sent);
      show(result);
      show(send(ours, ascii("x"), 1, MSG_DONTWAIT));
      show(recv(theirs, new Uint8Array(4), 4, 0));
      show(send(ours, ascii("x"), 1, 0));
    },
  ),
  situation(
    "Unix datagrams: without an address, to nobody, from a socket without a name",
    `int fd = ok(socket(AF_UNIX, SOCK_DGRAM, 0)), to = ok(socket(AF_UNIX, SOCK_DGRAM, 0));
     sockaddr_un name = unix_address("dgram"), none = unix_address("none"), from; memset(&from, 0, sizeof from);
     char buffer[4]; socklen_t length = sizeof from;
     ok(bind(to, SA(name)));
     show(send(fd, "x", 1, 0)); show(sendto(fd, "x", 1, 0, SA(none))); show(sendto(fd, "x", 1, 0, SA(name)));
     show(recvfrom(to, buffer, 4, 0, SP(from), &length)); show(length); show(from.sun_family);
     ok(connect(fd, SA(name))); ok(close(to)); show(send(fd, "x", 1, 0)); show(send(fd, "x", 1, 0));`,
    () => {
      const [fd, to] = [ok(socket(AF_UNIX, SOCK_DGRAM, 0)), ok(socket(AF_UNIX, SOCK_DGRAM, 0))];
      const [name, none, from] = [unix_address("dgram"), unix_address("none"), sockaddr_un()];
      const length = { value: 110 };
      ok(bind(to, name));
      show(send(fd, ascii("x"), 1, 0));
      show(sendto(fd, ascii("x"), 1, 0, none));
      show(sendto(fd, ascii("x"), 1, 0, name));
      show(recvfrom(to, new Uint8Array(4), 4, 0, from, length));
      show(length.value);
      show(from.sun_family);
      ok(connect(fd, name));
      ok(close(to));
      show(send(fd, ascii("x"), 1, 0));
      show(send(fd, ascii("x"), 1, 0));
    },
  ),
  situation(
    "Unix datagrams: recvfrom says the sender's path",
    `int fd = ok(socket(AF_UNIX, SOCK_DGRAM, 0)), to = ok(socket(AF_UNIX, SOCK_DGRAM, 0));
     sockaddr_un name = unix_address("receiver"), own = unix_address("sender"), from; memset(&from, 0, sizeof from);
     char buffer[4]; socklen_t length = sizeof from;
     ok(bind(to, SA(name))); ok(bind(fd, SA(own))); ok(sendto(fd, "x", 1, 0, SA(name)));
     show(recvfrom(to, buffer, 4, 0, SP(from), &length)); show(length); show_text(from.sun_path);
     show(sendto(to, "back", 4, 0, SP(from), length)); show(recv(fd, buffer, 4, 0));`,
    () => {
      const [fd, to] = [ok(socket(AF_UNIX, SOCK_DGRAM, 0)), ok(socket(AF_UNIX, SOCK_DGRAM, 0))];
      const [name, own, from] = [unix_address("receiver"), unix_address("sender"), sockaddr_un()];
      const [buffer, length] = [new Uint8Array(4), { value: 110 }];
      ok(bind(to, name));
      ok(bind(fd, own));
      ok(sendto(fd, ascii("x"), 1, 0, name));
      show(recvfrom(to, buffer, 4, 0, from, length));
      show(length.value);
      show_text(from.sun_path);
      show(sendto(to, ascii("back"), 4, 0, from));
      show(recv(fd, buffer, 4, 0));
    },
  ),
  situation(
    "SOCK_SEQPACKET: cut messages, messages of nothing, and the end",
    `int fds[2]; unix_pair(SOCK_SEQPACKET, fds);
     char buffer[4] = { 0 };
     show(send(fds[0], "abcdef", 6, 0)); show(send(fds[0], "abcdef", 6, 0)); show(send(fds[0], "gh", 2, 0));
     show(send(fds[0], "", 0, 0));
     show(recv(fds[1], buffer, 4, 0)); show_bytes(buffer, 4); show(recv(fds[1], buffer, 4, MSG_TRUNC));
     show(read(fds[1], buffer, 4)); show_bytes(buffer, 2); show(read(fds[1], buffer, 4));
     show(recv(fds[1], buffer, 4, MSG_DONTWAIT));
     ok(close(fds[0])); wait_for(fds[1], POLLHUP); show(read(fds[1], buffer, 4)); show(write(fds[1], "x", 1));`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_SEQPACKET);
      const buffer = new Uint8Array(4);
      show(send(ours, ascii("abcdef"), 6, 0));
      show(send(ours, ascii("abcdef"), 6, 0));
      show(send(ours, ascii("gh"), 2, 0));
      show(send(ours, new Uint8Array(), 0, 0));
      show(recv(theirs, buffer, 4, 0));
      show_bytes(buffer);
      show(recv(theirs, buffer, 4, MSG_TRUNC));
      show(read(theirs, buffer, 4));
      show_bytes(buffer, 2);
      show(read(theirs, buffer, 4));
      show(recv(theirs, buffer, 4, MSG_DONTWAIT));
      ok(close(ours));
      wait_for(theirs, POLLHUP);
      show(read(theirs, buffer, 4));
      show(write(theirs, ascii("x"), 1));
    },
  ),
  situation(
    "SO_PEERCRED of a pair, of a socket without a peer",
    `int fds[2]; unix_pair(SOCK_STREAM, fds);
     struct ucred who; socklen_t length = sizeof who;
     show(getsockopt(fds[0], SOL_SOCKET, SO_PEERCRED, &who, &length)); show(length);
     show(who.pid == getpid()); show(who.uid == getuid()); show(who.gid == getgid());
     show(getsockopt(ok(socket(AF_UNIX, SOCK_STREAM, 0)), SOL_SOCKET, SO_PEERCRED, &who, &length));
     show(who.pid); show(who.uid);`,
    () => {
      const [ours] = unix_pair(SOCK_STREAM);
      const [room, length] = [new Uint8Array(ucred.size), { value: 12 }];
      show(getsockopt(ours, SOL_SOCKET, SO_PEERCRED, room, length));
      show(length.value);
      const who = ucred.decode(room);
      show(Number(who.pid === process.pid));
      show(Number(who.uid === process.getuid?.()));
      show(Number(who.gid === process.getgid?.()));
      show(getsockopt(ok(socket(AF_UNIX, SOCK_STREAM, 0)), SOL_SOCKET, SO_PEERCRED, room, length));
      show(ucred.decode(room).pid);
      show(ucred.decode(room).uid);
    },
  ),
];
