// SPDX-License-Identifier: Apache-2.0
// Shows its arguments and environment; exit status: the number in EXIT, or 0.
#include <stdio.h>
#include <stdlib.h>

extern char** environ;

int main(int argc, char** argv) {
  printf("Hello from user mode\n");
  for (int i = 0; i < argc; ++i) printf("argv[%d] %s\n", i, argv[i]);
  for (int i = 0; environ[i] != NULL; ++i) printf("env[%d] %s\n", i, environ[i]);
  const char* status = getenv("EXIT");
  return status != NULL ? atoi(status) : 0;
}
