// SPDX-License-Identifier: Apache-2.0
// Says what its standard input is, then every line of it, then how it ended.
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("%s\n", isatty(0) ? "terminal" : "no terminal");
  fflush(stdout);
  char text[64];
  size_t size = 0;
  ssize_t n;
  while ((n = read(0, text + size, 1)) > 0) {
    if (text[size] != '\n' && ++size < sizeof text) continue;
    printf("line '%.*s'\n", (int)size, text);
    fflush(stdout);
    size = 0;
  }
  printf("rest '%.*s'\n", (int)size, text);
  return n == 0 ? 0 : 1;
}
