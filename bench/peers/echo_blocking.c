/* An echo server in C with blocking calls: one connection after the other. */
#include "common.h"
#include <poll.h>

int main(void)
{
	uint8_t bytes[4096];
	int listener = listen_on_loopback(0);
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
	for (;;) {
		ssize_t n;
		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[0].revents)
			answer_harness();
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			die("accept4");
		no_delay(fd);
		while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
			if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
				die("send");
		close(fd);
	}
}
