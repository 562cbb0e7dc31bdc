// How fast C sums, word by word, as RFC 1071 §4.1 has it, compiled with -O2: `checksum BYTES`, so many of each length.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PASSES = 9 };

static uint16_t checksum(const uint8_t *bytes, size_t length)
{
	uint64_t sum = 0;
	while (length >= 4) {
		uint32_t word;
		memcpy(&word, bytes, 4);
		sum += word;
		bytes += 4;
		length -= 4;
	}
	if (length >= 2) {
		uint16_t word;
		memcpy(&word, bytes, 2);
		sum += word;
		bytes += 2;
		length -= 2;
	}
	if (length)
		sum += *bytes;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static double cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static uint8_t bytes[65535];
	static const size_t sizes[] = {20, 64, 1480, 65535};
	double total = argc > 1 ? atof(argv[1]) : 0;
	char line[16];
	volatile uint16_t seen = 0;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin))
		return 1;
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		double ns[PASSES];
		long calls = (long)(total / PASSES / (double)(sizes[s] > 200 ? sizes[s] : 200));
		for (int pass = 0; pass < PASSES; pass++) {
			double before = cpu_ns();
			for (long call = 0; call < calls; call++) {
				seen ^= checksum(bytes, sizes[s]);
				bytes[0]++;
			}
			ns[pass] = (cpu_ns() - before) / (double)calls;
		}
		qsort(ns, PASSES, sizeof *ns, ascending);
		printf("%s\"of%zu\": %f", s ? ", " : "{", sizes[s], (double)sizes[s] / ns[PASSES / 2]);
	}
	puts("}");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin))
		;
	return 0;
}
