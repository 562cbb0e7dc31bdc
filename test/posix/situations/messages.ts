/** Situations of sendmsg, recvmsg, sendmmsg, recvmmsg and of control data. */
import {
  AF_INET,
  CMSG_SPACE,
  close,
  type cmsghdr,
  connect,
  F_GETFD,
  fcntl,
  htons,
  IP_PKTINFO,
  IP_RECVTTL,
  IP_TTL,
  IPPROTO_IP,
  in_pktinfo,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITFORONE,
  type mmsghdr,
  type msghdr,
  ntohl,
  read,
  recv,
  recvmmsg,
  recvmsg,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  sendmmsg,
  sendmsg,
  sendto,
  sockaddr_in,
  sockaddr_un,
  ucred,
  write,
} from "../../../src/posix/index.ts";
import {
  address,
  ascii,
  bound,
  name_of,
  ok,
  type Situation,
  set_int,
  show,
  show_bytes,
  show_fd,
  situation,
  tcp_pair,
  unix_pair,
} from "../_situation.ts";

const rights = (...fds: number[]): cmsghdr => ({
  cmsg_level: SOL_SOCKET,
  cmsg_type: SCM_RIGHTS,
  cmsg_data: Int32Array.from(fds),
});

const int_of = (cmsg: cmsghdr | undefined): number => {
  const data = cmsg?.cmsg_data as Uint8Array | Int32Array;
  return new DataView(data.buffer, data.byteOffset).getInt32(0, true);
};

/** A message of one fd in `control`, ready to be sent. */
const RIGHTS = `
     union { char room[CMSG_SPACE(4 * 300)]; struct cmsghdr align; } control = { 0 };
     struct cmsghdr *cmsg = &control.align;
     cmsg->cmsg_level = SOL_SOCKET; cmsg->cmsg_type = SCM_RIGHTS; cmsg->cmsg_len = CMSG_LEN(4);
     struct iovec iov = { "x", 1 };
     struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(4) };
     int *passed = (int *)CMSG_DATA(cmsg);`;

export const MESSAGES: readonly Situation[] = [
  situation(
    "sendmsg and recvmsg of several buffers",
    `int fds[2]; tcp_pair(fds);
     struct iovec out[] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } };
     struct msghdr message = { .msg_iov = out, .msg_iovlen = 3 };
     char one[3] = { 0 }, two[3] = { 0 }, three[3] = { 0 };
     struct iovec in[] = { { one, 3 }, { two, 0 }, { three, 3 } };
     show(sendmsg(fds[0], &message, 0));
     message.msg_iov = in; message.msg_flags = 77;
     show(recvmsg(fds[1], &message, 0)); show(message.msg_flags); show_bytes(one, 3); show_bytes(two, 3); show_bytes(three, 3);
     message.msg_iovlen = 1; show(recvmsg(fds[1], &message, 0)); show(recvmsg(fds[1], &message, MSG_DONTWAIT));`,
    () => {
      const [client, server] = tcp_pair();
      const [one, two, three] = [new Uint8Array(3), new Uint8Array(3), new Uint8Array(3)];
      const message: msghdr = { msg_iov: [one, two.subarray(0, 0), three], msg_flags: 77 };
      show(sendmsg(client, { msg_iov: [ascii("ab"), ascii(""), ascii("cdefg")] }, 0));
      show(recvmsg(server, message, 0));
      show(message.msg_flags as number);
      show_bytes(one);
      show_bytes(two);
      show_bytes(three);
      message.msg_iov = [one];
      show(recvmsg(server, message, 0));
      show(recvmsg(server, message, MSG_DONTWAIT));
    },
  ),
  situation(
    "sendmsg and recvmsg without any buffer",
    `int fds[2]; tcp_pair(fds); int to = bound(SOCK_DGRAM), from = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to); char byte[1];
     struct msghdr message = { 0 };
     show(sendmsg(fds[0], &message, 0)); show(recv(fds[1], byte, 1, MSG_DONTWAIT));
     show(sendmsg(from, &message, 0));
     message.msg_name = &name; message.msg_namelen = sizeof name;
     show(sendmsg(from, &message, 0)); show(recv(to, byte, 1, 0));
     ok(sendto(from, "abc", 3, 0, SA(name))); message.msg_name = NULL;
     show(recvmsg(to, &message, 0)); show(message.msg_flags);`,
    () => {
      const [client, server] = tcp_pair();
      const [to, from] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const name = name_of(to);
      const message: msghdr = {};
      show(sendmsg(client, message, 0));
      show(recv(server, new Uint8Array(1), 1, MSG_DONTWAIT));
      show(sendmsg(from, message, 0));
      message.msg_name = name;
      show(sendmsg(from, message, 0));
      show(recv(to, new Uint8Array(1), 1, 0));
      ok(sendto(from, ascii("abc"), 3, 0, name));
      message.msg_name = null;
      show(recvmsg(to, message, 0));
      show(message.msg_flags as number);
    },
  ),
  situation(
    "recvmsg of a datagram that is longer than its buffers, with the sender's address",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to), from = { 0 }; char a[2], b[2];
     struct iovec in[] = { { a, 2 }, { b, 2 } };
     struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = in, .msg_iovlen = 2 };
     for (int i = 0; i < 3; i++) ok(sendto(fd, "abcdefg", 7, 0, SA(name)));
     show(recvmsg(to, &message, MSG_PEEK)); show(message.msg_flags == MSG_TRUNC); show_bytes(b, 2);
     show(message.msg_namelen); show(from.sin_port == name_of(fd).sin_port);
     show(recvmsg(to, &message, MSG_TRUNC)); show(message.msg_flags == MSG_TRUNC);
     char room[16]; memset(room, 0xee, 16); message.msg_name = room; message.msg_namelen = 2;
     show(recvmsg(to, &message, 0)); show(message.msg_namelen); show_bytes(room, 16);
     message.msg_name = NULL; message.msg_namelen = 0; ok(sendto(fd, "abcdefg", 7, 0, SA(name)));
     show(recvmsg(to, &message, 0)); show(message.msg_namelen);`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const [name, from] = [name_of(to), sockaddr_in()];
      const [a, b] = [new Uint8Array(2), new Uint8Array(2)];
      const message: msghdr = { msg_name: from, msg_namelen: 16, msg_iov: [a, b] };
      for (let i = 0; i < 3; i++) ok(sendto(fd, ascii("abcdefg"), 7, 0, name));
      show(recvmsg(to, message, MSG_PEEK));
      show(Number(message.msg_flags === MSG_TRUNC));
      show_bytes(b);
      show(message.msg_namelen as number);
      show(Number(from.sin_port === name_of(fd).sin_port));
      show(recvmsg(to, message, MSG_TRUNC));
      show(Number(message.msg_flags === MSG_TRUNC));
      const room = new Uint8Array(16).fill(0xee);
      Object.assign(message, { msg_name: room, msg_namelen: 2 });
      show(recvmsg(to, message, 0));
      show(message.msg_namelen as number);
      show_bytes(room);
      Object.assign(message, { msg_name: null, msg_namelen: 0 });
      ok(sendto(fd, ascii("abcdefg"), 7, 0, name));
      show(recvmsg(to, message, 0));
      show(message.msg_namelen as number);
    },
  ),
  situation(
    "sendmsg with addresses that cannot be, and with too many buffers",
    `int fd = bound(SOCK_DGRAM), fds[2]; tcp_pair(fds);
     sockaddr_in name = name_of(fd); struct iovec *iov = calloc(1025, sizeof *iov);
     for (int i = 0; i < 1025; i++) iov[i] = (struct iovec){ "x", 1 };
     struct msghdr message = { .msg_name = &name, .msg_namelen = 15, .msg_iov = iov, .msg_iovlen = 1 };
     show(sendmsg(fd, &message, 0)); message.msg_namelen = 0; show(sendmsg(fd, &message, 0));
     char much[300] = { 0 }; memcpy(much, &name, sizeof name); message.msg_name = much; message.msg_namelen = 300;
     show(sendmsg(fd, &message, 0)); message.msg_name = NULL; message.msg_namelen = 0;
     message.msg_iovlen = 1024; show(sendmsg(fds[0], &message, 0)); message.msg_iovlen = 1025; show(sendmsg(fds[0], &message, 0));
     show(recvmsg(fds[1], &message, 0));`,
    () => {
      const fd = bound(SOCK_DGRAM);
      const [client, server] = tcp_pair();
      const name = name_of(fd);
      const iov = new Array<Uint8Array>(1025).fill(ascii("x"));
      const [msg_iov, much] = [iov.slice(0, 1), new Uint8Array(300)];
      show(sendmsg(fd, { msg_name: name, msg_namelen: 15, msg_iov }, 0));
      show(sendmsg(fd, { msg_name: name, msg_namelen: 0, msg_iov }, 0));
      much.set([AF_INET, 0, ...new Uint8Array(Uint16Array.of(name.sin_port).buffer), 127, 0, 0, 1]);
      show(sendmsg(fd, { msg_name: much, msg_iov }, 0));
      show(sendmsg(client, { msg_iov: iov.slice(0, 1024) }, 0));
      show(sendmsg(client, { msg_iov: iov }, 0));
      show(recvmsg(server, { msg_iov: iov }, 0));
    },
  ),
  situation(
    "SCM_RIGHTS: an fd passes, and works",
    `int fds[2], pair[2]; unix_pair(SOCK_STREAM, fds); unix_pair(SOCK_STREAM, pair);
     ${RIGHTS}
     *passed = pair[0]; show(sendmsg(fds[0], &message, 0)); ok(close(pair[0]));
     char byte[1]; iov.iov_base = byte; message.msg_controllen = CMSG_SPACE(4); *passed = -1;
     show(recvmsg(fds[1], &message, MSG_CMSG_CLOEXEC)); show(message.msg_flags & ~MSG_CMSG_CLOEXEC); show(message.msg_controllen);
     show(cmsg->cmsg_level); show(cmsg->cmsg_type); show_fd(*passed); show(fcntl(*passed, F_GETFD));
     show(write(*passed, "!", 1)); show(read(pair[1], byte, 1)); show_bytes(byte, 1);`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_STREAM);
      const pair = unix_pair(SOCK_STREAM);
      show(sendmsg(ours, { msg_iov: [ascii("x")], msg_control: [rights(pair[0])] }, 0));
      ok(close(pair[0]));
      const byte = new Uint8Array(1);
      const control: cmsghdr[] = [];
      const message: msghdr = { msg_iov: [byte], msg_control: control, msg_controllen: CMSG_SPACE(4) };
      show(recvmsg(theirs, message, MSG_CMSG_CLOEXEC));
      show((message.msg_flags as number) & ~MSG_CMSG_CLOEXEC);
      show(message.msg_controllen as number);
      const [cmsg] = control as [cmsghdr];
      const passed = cmsg.cmsg_data[0] as number;
      show(cmsg.cmsg_level);
      show(cmsg.cmsg_type);
      show_fd(passed);
      show(fcntl(passed, F_GETFD));
      show(write(passed, ascii("!"), 1));
      show(read(pair[1], byte, 1));
      show_bytes(byte);
    },
  ),
  situation(
    "SCM_RIGHTS: no room for the fds, and room for some of them",
    `int fds[2]; unix_pair(SOCK_DGRAM, fds);
     ${RIGHTS}
     int rooms[] = { 0, CMSG_LEN(0), CMSG_LEN(4), CMSG_SPACE(4), CMSG_SPACE(12) };
     for (int i = 0; i < 5; i++) {
       for (int k = 0; k < 3; k++) passed[k] = fds[0];
       cmsg->cmsg_level = SOL_SOCKET; cmsg->cmsg_type = SCM_RIGHTS; cmsg->cmsg_len = CMSG_LEN(12); message.msg_controllen = CMSG_SPACE(12);
       show(sendmsg(fds[0], &message, 0));
       char byte[1]; struct iovec in = { byte, 1 };
       struct msghdr got = { .msg_iov = &in, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = rooms[i] };
       show(recvmsg(fds[1], &got, 0)); show(got.msg_flags); show(got.msg_controllen);
       int count = 0;
       if (got.msg_controllen >= CMSG_LEN(0)) count = (cmsg->cmsg_len - CMSG_LEN(0)) / 4;
       show(count); for (int k = 0; k < count; k++) show(close(passed[k]));
     }`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_DGRAM);
      for (const room of [0, 16, 20, CMSG_SPACE(4), CMSG_SPACE(12)]) {
        show(sendmsg(ours, { msg_iov: [ascii("x")], msg_control: [rights(ours, ours, ours)] }, 0));
        const control: cmsghdr[] = [];
        const got: msghdr = { msg_iov: [new Uint8Array(1)], msg_control: control, msg_controllen: room };
        show(recvmsg(theirs, got, 0));
        show(got.msg_flags as number);
        show(got.msg_controllen as number);
        const passed = control.flatMap(({ cmsg_data }) => [...cmsg_data]);
        show(passed.length);
        for (const fd of passed) show(close(fd));
      }
    },
  ),
  situation(
    "SCM_RIGHTS: fds that are not open, too many, none, and over TCP",
    `int fds[2], tcp[2]; unix_pair(SOCK_DGRAM, fds); tcp_pair(tcp);
     ${RIGHTS}
     *passed = 1000000; show(sendmsg(fds[0], &message, 0));
     for (int i = 0; i < 254; i++) passed[i] = fds[0];
     cmsg->cmsg_len = CMSG_LEN(4 * 254); message.msg_controllen = CMSG_SPACE(4 * 254); show(sendmsg(fds[0], &message, 0));
     cmsg->cmsg_len = CMSG_LEN(4 * 253); message.msg_controllen = CMSG_SPACE(4 * 253); show(sendmsg(fds[0], &message, 0));
     cmsg->cmsg_len = CMSG_LEN(0); message.msg_controllen = CMSG_SPACE(0); show(sendmsg(fds[0], &message, 0));
     cmsg->cmsg_len = CMSG_LEN(4); message.msg_controllen = CMSG_SPACE(4); show(sendmsg(tcp[0], &message, 0));`,
    () => {
      const [ours] = unix_pair(SOCK_DGRAM);
      const [tcp] = tcp_pair();
      const pass = (fd: number, ...fds: number[]): number =>
        sendmsg(fd, { msg_iov: [ascii("x")], msg_control: [rights(...fds)] }, 0);
      show(pass(ours, 1000000));
      show(pass(ours, ...new Array<number>(254).fill(ours)));
      show(pass(ours, ...new Array<number>(253).fill(ours)));
      show(pass(ours));
      show(pass(tcp, ours));
    },
  ),
  situation(
    "sendmsg with control data that is junk",
    `int fds[2]; unix_pair(SOCK_DGRAM, fds); int udp = bound(SOCK_DGRAM); sockaddr_in name = name_of(udp); ok(connect(udp, SA(name)));
     unsigned char junk[40]; memset(junk, 0xff, 40);
     struct iovec iov = { "x", 1 };
     struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = junk, .msg_controllen = 40 };
     show(sendmsg(fds[0], &message, 0)); show(sendmsg(udp, &message, 0));
     message.msg_controllen = 7; show(sendmsg(fds[0], &message, 0)); show(sendmsg(udp, &message, 0));
     memset(junk, 0, 40); message.msg_controllen = 40; show(sendmsg(fds[0], &message, 0)); show(sendmsg(udp, &message, 0));
     struct cmsghdr *cmsg = (struct cmsghdr *)junk; cmsg->cmsg_len = CMSG_LEN(4); cmsg->cmsg_level = SOL_SOCKET; cmsg->cmsg_type = 999;
     message.msg_controllen = CMSG_SPACE(4); show(sendmsg(fds[0], &message, 0)); show(sendmsg(udp, &message, 0));
     cmsg->cmsg_level = IPPROTO_IP; show(sendmsg(udp, &message, 0));
     cmsg->cmsg_type = IP_TTL; *(int *)CMSG_DATA(cmsg) = 999; show(sendmsg(udp, &message, 0));
     cmsg->cmsg_len = CMSG_LEN(2); show(sendmsg(udp, &message, 0));`,
    () => {
      const [ours] = unix_pair(SOCK_DGRAM);
      const udp = bound(SOCK_DGRAM);
      ok(connect(udp, name_of(udp)));
      const junk = new Uint8Array(40).fill(0xff);
      const message: msghdr = { msg_iov: [ascii("x")], msg_control: junk };
      show(sendmsg(ours, message, 0));
      show(sendmsg(udp, message, 0));
      message.msg_controllen = 7;
      show(sendmsg(ours, message, 0));
      show(sendmsg(udp, message, 0));
      junk.fill(0);
      message.msg_controllen = 40;
      show(sendmsg(ours, message, 0));
      show(sendmsg(udp, message, 0));
      const cmsg = { cmsg_level: SOL_SOCKET, cmsg_type: 999, cmsg_data: new Uint8Array(4) };
      message.msg_control = [cmsg];
      show(sendmsg(ours, message, 0));
      show(sendmsg(udp, message, 0));
      cmsg.cmsg_level = IPPROTO_IP;
      show(sendmsg(udp, message, 0));
      cmsg.cmsg_type = IP_TTL;
      cmsg.cmsg_data = new Uint8Array(Int32Array.of(999).buffer);
      show(sendmsg(udp, message, 0));
      cmsg.cmsg_data = new Uint8Array(2);
      show(sendmsg(udp, message, 0));
    },
  ),
  situation(
    "control data of UDP: IP_PKTINFO and IP_TTL, there and back",
    `int to = bound(SOCK_DGRAM), fd = ok(socket(AF_INET, SOCK_DGRAM, 0));
     sockaddr_in name = name_of(to); set_int(to, IPPROTO_IP, IP_PKTINFO, 1); set_int(to, IPPROTO_IP, IP_RECVTTL, 1);
     union { char room[200]; struct cmsghdr align; } control = { 0 };
     struct iovec iov = { "x", 1 };
     struct msghdr message = { .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(4) + CMSG_SPACE(12) };
     struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
     cmsg->cmsg_level = IPPROTO_IP; cmsg->cmsg_type = IP_TTL; cmsg->cmsg_len = CMSG_LEN(4); *(int *)CMSG_DATA(cmsg) = 7;
     cmsg = (struct cmsghdr *)((char *)cmsg + CMSG_SPACE(4));
     cmsg->cmsg_level = IPPROTO_IP; cmsg->cmsg_type = IP_PKTINFO; cmsg->cmsg_len = CMSG_LEN(12);
     struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(0x7f000005) }; memcpy(CMSG_DATA(cmsg), &info, 12);
     show(sendmsg(fd, &message, 0));
     sockaddr_in from; char byte[1]; iov.iov_base = byte;
     message.msg_name = &from; message.msg_namelen = sizeof from; message.msg_controllen = 200;
     show(recvmsg(to, &message, 0)); show(ntohl(from.sin_addr.s_addr)); show(message.msg_controllen); show(message.msg_flags);
     for (cmsg = CMSG_FIRSTHDR(&message); cmsg; cmsg = CMSG_NXTHDR(&message, cmsg)) {
       show(cmsg->cmsg_level); show(cmsg->cmsg_type); show(cmsg->cmsg_len - CMSG_LEN(0));
       if (cmsg->cmsg_type == IP_TTL) show(*(int *)CMSG_DATA(cmsg));
       else show(ntohl(((struct in_pktinfo *)CMSG_DATA(cmsg))->ipi_addr.s_addr));
     }`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), ok(bound(SOCK_DGRAM))];
      set_int(to, IPPROTO_IP, IP_PKTINFO, 1);
      set_int(to, IPPROTO_IP, IP_RECVTTL, 1);
      const ttl = new Uint8Array(Int32Array.of(7).buffer);
      const info = in_pktinfo.encode({ ipi_spec_dst: address(0x7f000005, htons(0)).sin_addr });
      const msg_control: cmsghdr[] = [
        { cmsg_level: IPPROTO_IP, cmsg_type: IP_TTL, cmsg_data: ttl },
        { cmsg_level: IPPROTO_IP, cmsg_type: IP_PKTINFO, cmsg_data: info },
      ];
      show(sendmsg(fd, { msg_name: name_of(to), msg_iov: [ascii("x")], msg_control }, 0));
      const from = sockaddr_in();
      const message: msghdr = {
        msg_name: from,
        msg_iov: [new Uint8Array(1)],
        msg_control,
        msg_controllen: 200,
      };
      show(recvmsg(to, message, 0));
      show(ntohl(from.sin_addr.s_addr));
      show(message.msg_controllen as number);
      show(message.msg_flags as number);
      for (const cmsg of msg_control) {
        show(cmsg.cmsg_level);
        show(cmsg.cmsg_type);
        show(cmsg.cmsg_data.length);
        if (cmsg.cmsg_type === IP_TTL) show(int_of(cmsg));
        else show(ntohl(in_pktinfo.decode(cmsg.cmsg_data as Uint8Array).ipi_addr.s_addr));
      }
    },
  ),
  situation(
    "control data as it lies in memory, cut by its room",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM);
     sockaddr_in name = name_of(to); set_int(to, IPPROTO_IP, IP_RECVTTL, 1);
     int rooms[] = { 0, 8, 16, 18, 20, 24, 64 };
     for (int i = 0; i < 7; i++) {
       unsigned char room[64]; memset(room, 0xee, 64); char byte[1]; struct iovec iov = { byte, 1 };
       struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = rooms[i] };
       ok(sendto(fd, "x", 1, 0, SA(name)));
       show(recvmsg(to, &message, 0)); show(message.msg_flags); show(message.msg_controllen); show_bytes(room, 32);
     }`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      set_int(to, IPPROTO_IP, IP_RECVTTL, 1);
      for (const msg_controllen of [0, 8, 16, 18, 20, 24, 64]) {
        const msg_control = new Uint8Array(64).fill(0xee);
        const message: msghdr = { msg_iov: [new Uint8Array(1)], msg_control, msg_controllen };
        ok(sendto(fd, ascii("x"), 1, 0, name_of(to)));
        show(recvmsg(to, message, 0));
        show(message.msg_flags as number);
        show(message.msg_controllen as number);
        show_bytes(msg_control, 32);
      }
    },
  ),
  situation(
    "SCM_CREDENTIALS: who has sent",
    `int fds[2]; unix_pair(SOCK_DGRAM, fds); set_int(fds[1], SOL_SOCKET, SO_PASSCRED, 1);
     ok(write(fds[0], "x", 1));
     union { char room[64]; struct cmsghdr align; } control; char byte[1]; struct iovec iov = { byte, 1 };
     struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = 64 };
     show(recvmsg(fds[1], &message, 0)); show(message.msg_controllen);
     struct ucred *who = (struct ucred *)CMSG_DATA(&control.align);
     show(control.align.cmsg_type == SCM_CREDENTIALS); show(who->pid == getpid()); show(who->uid == getuid());
     sockaddr_un from; message.msg_name = &from; message.msg_namelen = sizeof from; message.msg_controllen = 64;
     ok(write(fds[0], "x", 1)); show(recvmsg(fds[1], &message, 0)); show(message.msg_namelen);`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_DGRAM);
      set_int(theirs, SOL_SOCKET, SO_PASSCRED, 1);
      ok(write(ours, ascii("x"), 1));
      const control: cmsghdr[] = [];
      const message: msghdr = { msg_iov: [new Uint8Array(1)], msg_control: control, msg_controllen: 64 };
      show(recvmsg(theirs, message, 0));
      show(message.msg_controllen as number);
      const [cmsg] = control as [cmsghdr];
      const who = ucred.decode(cmsg.cmsg_data as Uint8Array);
      show(Number(cmsg.cmsg_type === SCM_CREDENTIALS));
      show(Number(who.pid === process.pid));
      show(Number(who.uid === process.getuid?.()));
      Object.assign(message, { msg_name: sockaddr_un(), msg_namelen: 110, msg_controllen: 64 });
      ok(write(ours, ascii("x"), 1));
      show(recvmsg(theirs, message, 0));
      show(message.msg_namelen as number);
    },
  ),
  situation(
    "SOCK_SEQPACKET: MSG_EOR and MSG_TRUNC",
    `int fds[2]; unix_pair(SOCK_SEQPACKET, fds); char buffer[4]; struct iovec iov = { buffer, 4 };
     struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
     ok(write(fds[0], "abcdef", 6)); ok(write(fds[0], "ab", 2));
     show(recvmsg(fds[1], &message, 0)); show(message.msg_flags); show(recvmsg(fds[1], &message, 0)); show(message.msg_flags);
     ok(close(fds[0])); show(recvmsg(fds[1], &message, 0)); show(message.msg_flags);`,
    () => {
      const [ours, theirs] = unix_pair(SOCK_SEQPACKET);
      const message: msghdr = { msg_iov: [new Uint8Array(4)] };
      ok(write(ours, ascii("abcdef"), 6));
      ok(write(ours, ascii("ab"), 2));
      show(recvmsg(theirs, message, 0));
      show(message.msg_flags as number);
      show(recvmsg(theirs, message, 0));
      show(message.msg_flags as number);
      ok(close(ours));
      show(recvmsg(theirs, message, 0));
      show(message.msg_flags as number);
    },
  ),
  situation(
    "sendmmsg and recvmmsg: several messages at once, and where one of them fails",
    `int to = bound(SOCK_DGRAM), fd = bound(SOCK_DGRAM); sockaddr_in name = name_of(to), zero = address(INADDR_LOOPBACK, 0), from[4] = { 0 };
     static char much[70000]; struct iovec out[] = { { "one", 3 }, { "three", 5 }, { much, 70000 } };
     struct mmsghdr send[3] = { 0 };
     for (int i = 0; i < 3; i++) send[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = out + i, .msg_iovlen = 1 } };
     show(sendmmsg(fd, send, 3, 0)); show(send[0].msg_len); show(send[1].msg_len); show(send[2].msg_len);
     show(sendmmsg(fd, send + 2, 1, 0)); show(sendmmsg(fd, send, 0, 0));
     char buffers[4][4]; struct iovec in[4]; struct mmsghdr got[4] = { 0 };
     for (int i = 0; i < 4; i++) { in[i] = (struct iovec){ buffers[i], 4 }; got[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = from + i, .msg_namelen = sizeof from[i], .msg_iov = in + i, .msg_iovlen = 1 } }; }
     show(recvmmsg(to, got, 4, MSG_WAITFORONE, NULL));
     for (int i = 0; i < 2; i++) { show(got[i].msg_len); show(got[i].msg_hdr.msg_flags); show(got[i].msg_hdr.msg_namelen); show(from[i].sin_port == name_of(fd).sin_port); show_bytes(buffers[i], 3); }
     struct timespec wait = { 0, 1000000 };
     show(recvmmsg(to, got, 4, MSG_DONTWAIT, NULL)); show(recvmmsg(to, got, 0, 0, NULL));
     wait.tv_sec = -1; show(recvmmsg(to, got, 1, MSG_DONTWAIT, &wait));`,
    () => {
      const [to, fd] = [bound(SOCK_DGRAM), bound(SOCK_DGRAM)];
      const name = name_of(to);
      const out = [ascii("one"), ascii("three"), new Uint8Array(70000)];
      const send: mmsghdr[] = out.map((part) => ({
        msg_hdr: { msg_name: name, msg_iov: [part] },
        msg_len: 0,
      }));
      show(sendmmsg(fd, send, 3, 0));
      for (const one of send) show(one.msg_len as number);
      show(sendmmsg(fd, send.slice(2), 1, 0));
      show(sendmmsg(fd, send, 0, 0));
      const buffers = [1, 2, 3, 4].map(() => new Uint8Array(4));
      const from = buffers.map(() => sockaddr_in());
      const got = buffers.map((part, i) => ({
        msg_hdr: { msg_name: from[i] as sockaddr_in, msg_iov: [part], msg_namelen: 16, msg_flags: 0 },
        msg_len: 0,
      }));
      show(recvmmsg(to, got, 4, MSG_WAITFORONE, null));
      for (const i of [0, 1]) {
        const one = got[i] as (typeof got)[0];
        show(one.msg_len);
        show(one.msg_hdr.msg_flags);
        show(one.msg_hdr.msg_namelen);
        show(Number(one.msg_hdr.msg_name.sin_port === name_of(fd).sin_port));
        show_bytes(buffers[i] as Uint8Array, 3);
      }
      show(recvmmsg(to, got, 4, MSG_DONTWAIT, null));
      show(recvmmsg(to, got, 0, 0, null));
      show(recvmmsg(to, got, 1, MSG_DONTWAIT, { tv_sec: -1, tv_nsec: 1_000_000 }));
    },
  ),
];
