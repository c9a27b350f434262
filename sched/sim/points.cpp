// SPDX-License-Identifier: Apache-2.0
// In the test build every read and write of memory in sched/ is a place where other CPUs may get in between:
// the compiler calls these before each (-fsanitize-coverage=trace-loads,trace-stores).
#include "sched/sim/cpu.hpp"

extern "C" {
void __sanitizer_cov_load1(void*);
void __sanitizer_cov_load2(void*);
void __sanitizer_cov_load4(void*);
void __sanitizer_cov_load8(void*);
void __sanitizer_cov_load16(void*);
void __sanitizer_cov_store1(void*);
void __sanitizer_cov_store2(void*);
void __sanitizer_cov_store4(void*);
void __sanitizer_cov_store8(void*);
void __sanitizer_cov_store16(void*);
}

void __sanitizer_cov_load1(void*) { runnel::sim::point(); }
void __sanitizer_cov_load2(void*) { runnel::sim::point(); }
void __sanitizer_cov_load4(void*) { runnel::sim::point(); }
void __sanitizer_cov_load8(void*) { runnel::sim::point(); }
void __sanitizer_cov_load16(void*) { runnel::sim::point(); }
void __sanitizer_cov_store1(void*) { runnel::sim::point(); }
void __sanitizer_cov_store2(void*) { runnel::sim::point(); }
void __sanitizer_cov_store4(void*) { runnel::sim::point(); }
void __sanitizer_cov_store8(void*) { runnel::sim::point(); }
void __sanitizer_cov_store16(void*) { runnel::sim::point(); }
