/* A transfer that lasts until the stdin of its sender ends: `flow sink` and `flow send PORT`. */
#include "common.h"
#include <poll.h>
#include <sys/resource.h>

static uint8_t buffer[65536];

static int stdin_has_ended(void)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
	return poll(&fd, 1, 0) > 0;
}

static void send_side(uint16_t port)
{
	int fd = connect_to_loopback(port, 0);
	wait_for_go();
	do {
		for (int i = 0; i < 64; i++)
			if (send(fd, buffer, sizeof buffer, MSG_NOSIGNAL) < 0)
				die("send");
	} while (!stdin_has_ended());
}

static void sink_side(void)
{
	ssize_t n;
	int fd = accept4(listen_on_loopback(0), NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		die("accept4");
	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
		;
	if (n < 0)
		die("recv");
	wait_for_end();
}

int main(int argc, char **argv)
{
	alarm(120);
	setpriority(PRIO_PROCESS, 0, -20); /* where that is allowed: what else runs is noise */
	if (argc == 2 && !strcmp(argv[1], "sink"))
		sink_side();
	else if (argc == 3 && !strcmp(argv[1], "send"))
		send_side((uint16_t)number(argv[2], 65535));
	else
		fail("usage: flow sink | flow send PORT");
	return 0;
}
