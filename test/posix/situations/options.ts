/** Situations of getsockopt and setsockopt. */
import {
  AF_UNIX,
  getsockopt,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_TCP,
  linger,
  SO_ACCEPTCONN,
  SO_BINDTODEVICE,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_PEERGROUPS,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_SNDBUF,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  setsockopt,
  socket,
  socketpair,
  TCP_CONGESTION,
  TCP_MAXSEG,
  TCP_NODELAY,
  timeval,
} from "../../../src/posix/index.ts";
import {
  ascii,
  bound,
  get_int,
  listening,
  ok,
  type Situation,
  set_int,
  show,
  show_bytes,
  situation,
  tcp_pair,
} from "../_situation.ts";

export const OPTIONS: readonly Situation[] = [
  situation(
    "setsockopt with a level, a name, a length, a value that is not known",
    `int fd = bound(SOCK_STREAM), one = 1, much = 256;
     show(setsockopt(fd, 9999, 1, &one, sizeof one)); show(setsockopt(fd, -1, 1, &one, sizeof one));
     show(setsockopt(fd, SOL_SOCKET, 9999, &one, sizeof one)); show(setsockopt(fd, IPPROTO_TCP, 9999, &one, sizeof one));
     show(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, 3)); show(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, 0));
     show(setsockopt(fd, IPPROTO_IP, IP_TTL, &much, sizeof much)); show(setsockopt(fd, IPPROTO_IP, IP_TTL, &one, 1));
     show(setsockopt(fd, SOL_SOCKET, SO_TYPE, &one, sizeof one));
     show(setsockopt(bound(SOCK_DGRAM), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));`,
    () => {
      const fd = bound(SOCK_STREAM);
      show(setsockopt(fd, 9999, 1, 1));
      show(setsockopt(fd, -1, 1, 1));
      show(setsockopt(fd, SOL_SOCKET, 9999, 1));
      show(setsockopt(fd, IPPROTO_TCP, 9999, 1));
      show(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1, 3));
      show(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1, 0));
      show(setsockopt(fd, IPPROTO_IP, IP_TTL, 256));
      show(setsockopt(fd, IPPROTO_IP, IP_TTL, 1, 1));
      show(setsockopt(fd, SOL_SOCKET, SO_TYPE, 1));
      show(setsockopt(bound(SOCK_DGRAM), IPPROTO_TCP, TCP_NODELAY, 1));
    },
  ),
  situation(
    "getsockopt with a level and a name that is not known",
    `int fd = bound(SOCK_STREAM), value = 77; socklen_t length = sizeof value;
     show(getsockopt(fd, 9999, 1, &value, &length)); show(getsockopt(fd, SOL_SOCKET, 9999, &value, &length));
     show(getsockopt(fd, IPPROTO_TCP, 9999, &value, &length)); show(value); show(length);
     show(getsockopt(bound(SOCK_DGRAM), IPPROTO_TCP, TCP_NODELAY, &value, &length));`,
    () => {
      const fd = bound(SOCK_STREAM);
      const [value, length] = [{ value: 77 }, { value: 4 }];
      show(getsockopt(fd, 9999, 1, value, length));
      show(getsockopt(fd, SOL_SOCKET, 9999, value, length));
      show(getsockopt(fd, IPPROTO_TCP, 9999, value, length));
      show(value.value);
      show(length.value);
      show(getsockopt(bound(SOCK_DGRAM), IPPROTO_TCP, TCP_NODELAY, value, length));
    },
  ),
  situation(
    "getsockopt with too little room, and with too much",
    `int fd = bound(SOCK_STREAM); set_int(fd, SOL_SOCKET, SO_RCVBUF, 40000);
     int value = 0x77777777; socklen_t length = 2;
     show(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length)); show(length); show(value);
     length = 0; show(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length)); show(length); show(value);
     char room[8]; memset(room, 0xee, 8); length = 8;
     show(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, room, &length)); show(length); show_bytes(room + 4, 4);
     length = 1; show(getsockopt(fd, IPPROTO_IP, IP_TTL, room, &length)); show(length); show_bytes(room, 2);`,
    () => {
      const fd = bound(SOCK_STREAM);
      set_int(fd, SOL_SOCKET, SO_RCVBUF, 40000);
      const [value, length] = [{ value: 0x77777777 }, { value: 2 }];
      show(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, length));
      show(length.value);
      show(value.value);
      length.value = 0;
      show(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, length));
      show(length.value);
      show(value.value);
      const room = new Uint8Array(8).fill(0xee);
      length.value = 8;
      show(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, room, length));
      show(length.value);
      show_bytes(room.subarray(4));
      length.value = 1;
      show(getsockopt(fd, IPPROTO_IP, IP_TTL, room, length));
      show(length.value);
      show_bytes(room, 2);
    },
  ),
  situation(
    "what a socket is: SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN, SO_ERROR",
    `int fds[] = { listening(1), bound(SOCK_DGRAM), ok(socket(AF_UNIX, SOCK_DGRAM, 0)) };
     for (int i = 0; i < 3; i++) {
       show(get_int(fds[i], SOL_SOCKET, SO_TYPE)); show(get_int(fds[i], SOL_SOCKET, SO_DOMAIN));
       show(get_int(fds[i], SOL_SOCKET, SO_PROTOCOL)); show(get_int(fds[i], SOL_SOCKET, SO_ACCEPTCONN));
       show(get_int(fds[i], SOL_SOCKET, SO_ERROR));
     }`,
    () => {
      for (const fd of [listening(1), bound(SOCK_DGRAM), ok(socket(AF_UNIX, SOCK_DGRAM, 0))]) {
        show(get_int(fd, SOL_SOCKET, SO_TYPE));
        show(get_int(fd, SOL_SOCKET, SO_DOMAIN));
        show(get_int(fd, SOL_SOCKET, SO_PROTOCOL));
        show(get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
        show(get_int(fd, SOL_SOCKET, SO_ERROR));
      }
    },
  ),
  situation(
    "SO_RCVBUF and SO_SNDBUF are doubled, and have a least value",
    `int fd = bound(SOCK_STREAM);
     set_int(fd, SOL_SOCKET, SO_RCVBUF, 50000); show(get_int(fd, SOL_SOCKET, SO_RCVBUF));
     set_int(fd, SOL_SOCKET, SO_SNDBUF, 50000); show(get_int(fd, SOL_SOCKET, SO_SNDBUF));
     set_int(fd, SOL_SOCKET, SO_RCVBUF, 1); show(get_int(fd, SOL_SOCKET, SO_RCVBUF));
     set_int(fd, SOL_SOCKET, SO_SNDBUF, -1); show(get_int(fd, SOL_SOCKET, SO_SNDBUF));`,
    () => {
      const fd = bound(SOCK_STREAM);
      set_int(fd, SOL_SOCKET, SO_RCVBUF, 50000);
      show(get_int(fd, SOL_SOCKET, SO_RCVBUF));
      set_int(fd, SOL_SOCKET, SO_SNDBUF, 50000);
      show(get_int(fd, SOL_SOCKET, SO_SNDBUF));
      set_int(fd, SOL_SOCKET, SO_RCVBUF, 1);
      show(get_int(fd, SOL_SOCKET, SO_RCVBUF));
      set_int(fd, SOL_SOCKET, SO_SNDBUF, -1);
      show(get_int(fd, SOL_SOCKET, SO_SNDBUF));
    },
  ),
  situation(
    "options whose value is a struct: SO_LINGER, SO_RCVTIMEO",
    `int fd = bound(SOCK_STREAM);
     struct linger l = { 7, 12 }; socklen_t length = sizeof l;
     show(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, 4)); show(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
     show(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &length)); show(length); show(l.l_onoff); show(l.l_linger);
     struct timeval t = { 3, 1000000 };
     show(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t)); show(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, 8));
     t.tv_usec = 4000; show(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
     length = sizeof t; show(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, &length)); show(length); show(t.tv_sec); show(t.tv_usec);
     t.tv_sec = -1; show(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));`,
    () => {
      const fd = bound(SOCK_STREAM);
      const l = linger.encode({ l_onoff: 7, l_linger: 12 });
      const length = { value: l.length };
      show(setsockopt(fd, SOL_SOCKET, SO_LINGER, l, 4));
      show(setsockopt(fd, SOL_SOCKET, SO_LINGER, l));
      show(getsockopt(fd, SOL_SOCKET, SO_LINGER, l, length));
      show(length.value);
      show(linger.decode(l).l_onoff);
      show(linger.decode(l).l_linger);
      const bad = timeval.encode({ tv_sec: 3, tv_usec: 1_000_000 });
      show(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, bad));
      show(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, bad, 8));
      const t = timeval.encode({ tv_sec: 3, tv_usec: 4000 });
      show(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, t));
      length.value = t.length;
      show(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, t, length));
      show(length.value);
      show(Number(timeval.decode(t).tv_sec));
      show(Number(timeval.decode(t).tv_usec));
      show(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval.encode({ tv_sec: -1, tv_usec: 4000 })));
    },
  ),
  situation(
    "options whose value is text: TCP_CONGESTION, SO_BINDTODEVICE",
    `int fd = bound(SOCK_STREAM);
     char name[16]; memset(name, 0xee, 16); socklen_t length = 16;
     show(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
     show(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length)); show(length); show_bytes(name, 16);
     length = 3; show(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length)); show(length);
     show(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "no such", 7)); show(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "", 0));
     show(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nosuchdev", 10)); show(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
     length = 16; show(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length)); show(length); show_bytes(name, 3);`,
    () => {
      const fd = bound(SOCK_STREAM);
      const [name, length] = [new Uint8Array(16).fill(0xee), { value: 16 }];
      show(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, ascii("reno"), 4));
      show(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, length));
      show(length.value);
      show_bytes(name);
      length.value = 3;
      show(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, length));
      show(length.value);
      show(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, ascii("no such")));
      show(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, new Uint8Array()));
      show(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ascii("nosuchdev\0")));
      show(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ascii("lo\0")));
      length.value = 16;
      show(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, length));
      show(length.value);
      show_bytes(name, 3);
    },
  ),
  situation(
    "options that the state decides: TCP_MAXSEG, SO_ERROR after it was read, TCP_NODELAY on a listener",
    `int fds[2]; tcp_pair(fds);
     int fd = bound(SOCK_STREAM), one = 1;
     set_int(fd, IPPROTO_TCP, TCP_MAXSEG, 1000); show(get_int(fd, IPPROTO_TCP, TCP_MAXSEG));
     one = 40; show(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &one, sizeof one));
     show(get_int(fds[0], SOL_SOCKET, SO_ERROR)); one = 1;
     show(setsockopt(listening(1), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
     set_int(fds[0], IPPROTO_TCP, TCP_NODELAY, 77); show(get_int(fds[0], IPPROTO_TCP, TCP_NODELAY));`,
    () => {
      const [client] = tcp_pair();
      const fd = bound(SOCK_STREAM);
      set_int(fd, IPPROTO_TCP, TCP_MAXSEG, 1000);
      show(get_int(fd, IPPROTO_TCP, TCP_MAXSEG));
      show(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, 40));
      show(get_int(client, SOL_SOCKET, SO_ERROR));
      show(setsockopt(listening(1), IPPROTO_TCP, TCP_NODELAY, 1));
      set_int(client, IPPROTO_TCP, TCP_NODELAY, 77);
      show(get_int(client, IPPROTO_TCP, TCP_NODELAY));
    },
  ),
  situation(
    "getsockopt says how much room a value needs: SO_PEERGROUPS",
    `int fds[2]; ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
     socklen_t length = 0; gid_t groups[64];
     show(getsockopt(fds[0], SOL_SOCKET, 59, groups, &length)); show(length);`,
    () => {
      const fds: number[] = [];
      const length = { value: 0 };
      ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
      show(getsockopt(fds[0] as number, SOL_SOCKET, SO_PEERGROUPS, new Uint8Array(256), length));
      show(length.value);
    },
  ),
];
