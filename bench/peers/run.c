/* How long a command takes as a whole, and its peak memory: run PROGRAM [ARG...]. What it prints is read here.
 * One line: seconds, KiB. A program as small as this has to do it: the peak of a child begins with that of its parent. */
#include "common.h"
#include <sys/wait.h>

int main(int argc, char **argv)
{
	static char buffer[65536];
	int ends[2];
	if (argc < 2)
		fail("usage: run PROGRAM [ARG...]");
	if (pipe(ends))
		die("pipe");
	uint64_t began = now_ns();
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		execvp(argv[1], argv + 1);
		die(argv[1]);
	}
	close(ends[1]);
	while (read(ends[0], buffer, sizeof buffer) > 0)
		;
	int status;
	struct rusage used;
	if (wait4(child, &status, 0, &used) != child)
		die("wait4");
	uint64_t ended = now_ns();
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("the command failed");
	printf("%.6f %ld\n", (double)(ended - began) / 1e9, used.ru_maxrss);
	return 0;
}
