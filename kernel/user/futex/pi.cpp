// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/futex/pi.hpp"

#include "kernel/mm/kmalloc.hpp"
#include "kernel/time/sleep.hpp"
#include "kernel/user/futex/pi_word.hpp"
#include "kernel/user/futex/queue.hpp"
#include "kernel/user/syscall.hpp"

#include <sched/sched.hpp>
#include <utility>

namespace runnel::user {
namespace {

/// A state nobody has yet.
class SpareState {
 public:
  SpareState() = default;
  ~SpareState() { kdelete(state_); }
  SpareState(const SpareState&) = delete;
  SpareState& operator=(const SpareState&) = delete;
  bool fill() {
    if (state_ == nullptr) state_ = knew<FutexPiState>();
    return state_ != nullptr;
  }
  FutexPiState& take() { return *std::exchange(state_, nullptr); }

 private:
  FutexPiState* state_ = nullptr;
};

using Step = PiStep;

// --- under the bucket's lock

void detach(FutexPiState& state) {
  state.owner()->futex_pi_states.fetch_sub(1, std::memory_order_relaxed);
  List<FutexPiState, &FutexPiState::node>::erase(state);
}

/// `owner` counts one state more from now on. False: it is past looking for its states (futex_pi_exit).
bool count_for(Task& owner) {
  owner.futex_pi_states.fetch_add(1, std::memory_order_seq_cst);
  if (!owner.futex_gone.load(std::memory_order_seq_cst)) return true;
  owner.futex_pi_states.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

struct LockCall {
  u64 address;
  FutexScope scope;
  u32 self = current_task().pid;
  SpareState spare{};
  FutexPiState* state = nullptr; // of which this call has a reference
  FutexBucket* bucket = nullptr; // the state's

  i64 lock(Instant until);
  i64 try_lock();
  Step look(FutexBucket& in, const FutexKey& key, u32 word, Task* owner) REQUIRES(in.lock);
  Result<u32> read_word() const;
  bool put_state();
  i64 finish_locked();
  Step name_self() const;
};

Step LockCall::look(FutexBucket& in, const FutexKey& key, u32 word, Task* owner) {
  u32 seen = word;
  FutexPiState* found = in.find_pi(key);
  if ((word & kFutexTidMask) == 0 && found == nullptr)
    return exchange_word(address, seen, self | (word & kFutexOwnerDied));
  // Waiters must be announced before anything else is done: then the owner cannot give it back without the
  // kernel. A word without owner, but with a state, is an ending owner's whose robust list was done.
  if (const Step told = exchange_word(address, seen, word | kFutexWaiters); told != Step::kDone) return told;
  if (found == nullptr) {
    if (owner == nullptr || !count_for(*owner)) {
      seen = word | kFutexWaiters;
      const Step undone = exchange_word(address, seen, word);
      return undone == Step::kDone ? Step::kNoOwner
                                   : Step::kAgain; // the end of its owner may have changed it
    }
    found = &spare.take();
    found->key = key;
    found->mutex.own_by(*owner);
    in.pi_states.push_back(*found);
  }
  ++found->refs;
  state = found;
  bucket = &in;
  return Step::kWait;
}

/// Gives up the reference. True: the state counted to the end.
bool LockCall::put_state() {
  bool was_attached;
  bool is_last;
  {
    const SpinGuard guard(bucket->lock);
    was_attached = state->is_attached();
    is_last = --state->refs == 0;
    if (is_last && was_attached) detach(*state);
  }
  FutexPiState* const mine = std::exchange(state, nullptr);
  if (is_last) kdelete(mine);
  return was_attached;
}

/// Makes the word name this thread; under the bucket's lock.
Step LockCall::name_self() const {
  const auto word = load_user<u32>(address);
  if (!word) return Step::kFault;
  for (u32 seen = *word; (seen & kFutexTidMask) != self;) {
    const Step step = exchange_word(address, seen, self | kFutexWaiters | (seen & kFutexOwnerDied));
    if (step != Step::kAgain) return step;
    arch::Cpu::relax();
  }
  return Step::kDone;
}

/// The mutex is this thread's: so must the word be, if the state still counts.
i64 LockCall::finish_locked() {
  for (;;) {
    bool detached;
    Step named = Step::kDone;
    {
      const SpinGuard guard(bucket->lock);
      detached = !state->is_attached();
      if (!detached) named = name_self();
    }
    if (detached) {
      state->mutex.unlock();
      put_state();
      return negative(Errno::kAGAIN);
    }
    if (named == Step::kDone) {
      put_state();
      return 0;
    }
    if (const auto there = fault_in_word(address, WordAccess::kWrite); there) continue;
    // The word is gone. Others must not wait for ever.
    {
      const SpinGuard guard(bucket->lock);
      if (state->is_attached()) detach(*state);
    }
    state->mutex.unlock();
    put_state();
    return negative(Errno::kFAULT);
  }
}

Result<> sleep_interruptibly(void* context) {
  const Instant until = *static_cast<const Instant*>(context);
  if (sched::current().signal_pending()) return err(Errno::kINTR);
  if (time::schedule_until(until) == time::SleepResult::kTimedOut) return err(Errno::kTIMEDOUT);
  return {};
}

i64 LockCall::lock(Instant until) {
  for (;;) {
    if (!spare.fill()) return negative(Errno::kNOMEM);
    const auto key = futex_key(address, scope);
    if (!key) return negative(key.error());
    const auto word = load_user<u32>(address);
    if (!word) return negative(word.error());
    const u32 tid = *word & kFutexTidMask;
    if (tid == self) return negative(Errno::kDEADLK);
    const TaskRef owner(tid);
    Step step;
    {
      FutexBucket& in = futex_bucket_of(*key);
      const SpinGuard guard(in.lock);
      step = look(in, *key, *word, owner.get());
    }
    switch (step) {
    case Step::kDone:
      return 0;
    case Step::kNoOwner:
      return negative(Errno::kSRCH);
    case Step::kFault:
      if (const auto there = fault_in_word(address, WordAccess::kWrite); !there)
        return negative(there.error());
      continue;
    case Step::kAgain:
      arch::Cpu::relax();
      continue;
    case Step::kWait:
      break;
    }
    if (const auto locked = state->mutex.lock_with(sleep_interruptibly, &until); !locked) {
      put_state();
      return locked.error() == Errno::kINTR ? kRestartNoIntr : negative(locked.error());
    }
    if (const i64 result = finish_locked(); result != negative(Errno::kAGAIN)) return result;
  }
}

i64 LockCall::try_lock() {
  for (;;) {
    const auto key = futex_key(address, scope);
    if (!key) return negative(key.error());
    const auto word = load_user<u32>(address);
    if (!word) return negative(word.error());
    const u32 tid = *word & kFutexTidMask;
    if (tid == self) return negative(Errno::kDEADLK);
    if (tid != 0) return TaskRef(tid).get() == nullptr ? negative(Errno::kSRCH) : negative(Errno::kAGAIN);
    Step step;
    {
      FutexBucket& in = futex_bucket_of(*key);
      const SpinGuard guard(in.lock);
      if (in.find_pi(*key) != nullptr) return negative(Errno::kAGAIN);
      step = look(in, *key, *word, nullptr);
    }
    if (step == Step::kDone) return 0;
    if (step == Step::kFault)
      if (const auto there = fault_in_word(address, WordAccess::kWrite); !there)
        return negative(there.error());
    arch::Cpu::relax();
  }
}

/// The current thread's mutex goes to `next`, or, nullptr, out of use. False: somebody else is first now.
/// Under the bucket's lock.
bool hand_over(FutexPiState& state, Task* next) {
  if (next == nullptr) {
    detach(state);
    state.mutex.unlock(); // whoever gets in meanwhile sees that it is detached
    return true;
  }
  next->futex_pi_states.fetch_add(1, std::memory_order_relaxed); // it waits: it does not end
  if (!state.mutex.unlock_to(next)) {
    next->futex_pi_states.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  current_task().futex_pi_states.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

Task* first_waiter(FutexPiState& state) { return static_cast<Task*>(state.mutex.first_waiter()); }

/// `named`: whom the word names; somebody else than the caller when a fault got in after it was changed.
/// Until it is done the bucket's lock is kept: a waiter that was named and gives up must not see itself in
/// the word.
Step unlock_step(FutexBucket& in, const FutexKey& key, u64 address, u32& named) REQUIRES(in.lock) {
  for (;;) {
    const auto word = load_user<u32>(address);
    if (!word) return Step::kFault;
    u32 seen = *word;
    if ((seen & kFutexTidMask) != named) return Step::kNoOwner;
    FutexPiState* state = in.find_pi(key);
    if (state != nullptr && state->owner() != &current_task()) return Step::kNoOwner;
    Task* const next = state == nullptr ? nullptr : first_waiter(*state);
    const u32 desired = next == nullptr ? 0 : next->pid | kFutexWaiters;
    const Step step = exchange_word(address, seen, desired);
    if (step == Step::kFault) return step;
    if (step == Step::kDone) {
      if (state == nullptr || hand_over(*state, next)) return step;
      named = desired & kFutexTidMask; // who was first has changed
    }
    arch::Cpu::relax();
  }
}

} // namespace

i64 futex_lock_pi(u64 address, FutexScope scope, Instant until) {
  LockCall call{.address = address, .scope = scope};
  return call.lock(until);
}

i64 futex_try_lock_pi(u64 address, FutexScope scope) {
  LockCall call{.address = address, .scope = scope};
  return call.try_lock();
}

i64 futex_unlock_pi(u64 address, FutexScope scope) {
  u32 named = current_task().pid;
  for (;;) {
    const auto key = futex_key(address, scope);
    if (!key) return negative(key.error());
    Step step;
    {
      FutexBucket& in = futex_bucket_of(*key);
      const SpinGuard guard(in.lock);
      step = unlock_step(in, *key, address, named);
    }
    if (step == Step::kDone) return 0;
    if (step == Step::kNoOwner) return negative(Errno::kPERM);
    if (const auto there = fault_in_word(address, WordAccess::kWrite); !there) return negative(there.error());
  }
}

void futex_pi_exit() {
  Task& self = current_task();
  self.futex_gone.store(true, std::memory_order_seq_cst); // or count_for() is seen below
  if (self.futex_pi_states.load(std::memory_order_seq_cst) == 0) return;
  for (u32 i = 0; i < kFutexBuckets; ++i) {
    FutexBucket& bucket = futex_bucket_at(i);
    const SpinGuard guard(bucket.lock);
    for (auto at = bucket.pi_states.begin(); at != bucket.pi_states.end();) {
      FutexPiState& state = *at;
      ++at; // before it may be detached
      if (state.owner() != &self) continue;
      while (!hand_over(state, first_waiter(state))) arch::Cpu::relax();
    }
  }
}

} // namespace runnel::user
