// SPDX-License-Identifier: Apache-2.0
#include "qemu/jobs.hpp"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace runnel::qemu {

void run_jobs(std::span<const std::function<void()>> jobs, unsigned threads) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex lock;
  std::exception_ptr first;
  const auto work = [&] {
    for (std::size_t i = next++; i < jobs.size() && !stop; i = next++) {
      try {
        jobs[i]();
      } catch (...) {
        const std::lock_guard guard(lock);
        if (!first) first = std::current_exception();
        stop = true;
      }
    }
  };
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < threads && i < jobs.size(); ++i) workers.emplace_back(work);
  workers.clear(); // joins
  if (first) std::rethrow_exception(first);
}

} // namespace runnel::qemu
