// SPDX-License-Identifier: Apache-2.0
// A Catch2 program as anybody writes one, run in user mode: the framework's own machinery, C++ exceptions,
// threads and streams have to work on the kernel for one of these to pass.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <shared_mutex>
#include <sstream>
#include <thread>

namespace {

struct Counted {
  static inline std::atomic<int> alive{0};
  Counted() { ++alive; }
  ~Counted() { --alive; }
};

[[noreturn]] void fail_deep(int depth) {
  const Counted counted;
  if (depth == 0) throw std::out_of_range("deep enough");
  fail_deep(depth - 1);
}

} // namespace

TEST_CASE("exceptions unwind through frames and threads", "[exceptions]") {
  CHECK_THROWS_WITH(fail_deep(100), "deep enough");
  CHECK(Counted::alive == 0);
  CHECK_THROWS_AS(std::vector<int>().at(1), std::out_of_range);
  CHECK_THROWS_AS(std::stoi("none"), std::invalid_argument);
  CHECK_THROWS_AS(std::string(~0ul, 'x'), std::length_error);
  auto thrower = std::async(std::launch::async, [] { fail_deep(10); });
  CHECK_THROWS_AS(thrower.get(), std::out_of_range);
  CHECK(Counted::alive == 0);
}

TEST_CASE("threads at work count every step", "[threads]") {
  constexpr int kThreads = 16, kSteps = 500;
  std::mutex lock;
  std::atomic<int> loose = 0;
  int guarded = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int step = 0; step < kSteps; ++step) {
        ++loose;
        const std::lock_guard guard(lock);
        ++guarded;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(loose == kThreads * kSteps);
  CHECK(guarded == kThreads * kSteps);
}

TEST_CASE("a queue hands everything over in its order", "[threads]") {
  std::mutex lock;
  std::condition_variable changed;
  std::vector<int> queue;
  constexpr int kItems = 300, kRoom = 4;
  std::thread producer([&] {
    for (int i = 0; i < kItems; ++i) {
      std::unique_lock guard(lock);
      changed.wait(guard, [&] { return queue.size() < kRoom; });
      queue.push_back(i);
      changed.notify_all();
    }
  });
  std::vector<int> got;
  while (got.size() < kItems) {
    std::unique_lock guard(lock);
    changed.wait(guard, [&] { return !queue.empty(); });
    got.insert(got.end(), queue.begin(), queue.end());
    queue.clear();
    changed.notify_all();
  }
  producer.join();
  std::vector<int> expected(kItems);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(got == expected);
}

TEST_CASE("readers share, a writer is alone", "[threads]") {
  std::shared_mutex lock;
  std::array<int, 64> all{};
  std::atomic<bool> torn = false;
  std::vector<std::thread> threads;
  for (int reader = 0; reader < 3; ++reader)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const std::shared_lock guard(lock);
        for (const int value : all)
          if (value != all[0]) torn = true;
      }
    });
  threads.emplace_back([&] {
    for (int i = 1; i <= 100; ++i) {
      const std::unique_lock guard(lock);
      all.fill(i);
    }
  });
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(torn);
  CHECK(all[63] == 100);
}

TEST_CASE("waiting ends in time and not before", "[time]") {
  using namespace std::chrono_literals;
  const auto start = std::chrono::steady_clock::now();
  std::mutex lock;
  std::condition_variable nobody;
  std::unique_lock guard(lock);
  CHECK(nobody.wait_for(guard, 5ms) == std::cv_status::timeout);
  std::this_thread::sleep_for(2ms);
  std::promise<int> promise;
  CHECK(promise.get_future().wait_for(1ms) == std::future_status::timeout);
  CHECK(std::chrono::steady_clock::now() - start >= 8ms);
}

TEST_CASE("each thread has its own locals, once", "[threads]") {
  static std::once_flag flag;
  static std::atomic<int> calls = 0;
  thread_local int mine = 7;
  std::atomic<int> sum = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      std::call_once(flag, [] { ++calls; });
      mine += i;
      std::this_thread::yield();
      sum += mine;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(calls == 1);
  CHECK(sum == 8 * 7 + 28);
  CHECK(mine == 7);
}

TEST_CASE("streams and files keep what is written", "[streams]") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "catch2";
  std::filesystem::create_directories(folder / "a/b");
  {
    std::ofstream out(folder / "a/text");
    for (int i = 0; i < 2000; ++i) out << i << ' ' << i * 0.5 << '\n';
    REQUIRE(out.good());
  }
  std::ifstream in(folder / "a/text");
  int lines = 0, number;
  double half;
  for (; in >> number >> half; ++lines) CHECK(half == number * 0.5);
  CHECK(lines == 2000);
  CHECK(std::filesystem::file_size(folder / "a/text") > 10000);
  std::filesystem::rename(folder / "a/text", folder / "a/b/moved");
  int entries = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) entries += entry.exists();
  CHECK(entries == 3);
  CHECK(std::filesystem::remove_all(folder) == 4);
  std::ostringstream text;
  text << std::hex << std::showbase << 255 << std::boolalpha << ' ' << true;
  CHECK(text.str() == "0xff true");
}

TEST_CASE("containers and memory", "[memory]") {
  std::map<std::string, int> words;
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) ++words[std::to_string(random() % 100)];
  CHECK(words.size() == 100);
  CHECK(std::accumulate(words.begin(), words.end(), 0, [](int n, const auto& w) { return n + w.second; }) ==
        5000);
  std::vector<std::unique_ptr<std::array<char, 100'000>>> large;
  for (int i = 0; i < 50; ++i) large.push_back(std::make_unique<std::array<char, 100'000>>());
  for (auto& block : large) block->fill(1);
  CHECK(std::all_of(large.begin(), large.end(), [](const auto& b) { return (*b)[99'999] == 1; }));
}

TEST_CASE("numbers between reals", "[float]") {
  std::vector<std::future<double>> parts;
  for (int i = 0; i < 4; ++i)
    parts.push_back(std::async(std::launch::async, [i] {
      double sum = 0;
      for (int k = i; k < 20000; k += 4) sum += (k % 2 == 0 ? 4.0 : -4.0) / (2 * k + 1);
      return sum;
    }));
  double pi = 0;
  for (auto& part : parts) pi += part.get();
  CHECK(pi == Approx(3.14159).margin(1e-4));
}
