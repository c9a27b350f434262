// SPDX-License-Identifier: Apache-2.0

// Deferred actions of the classes that may drop the rq lock (spec 1.2 L9).
#include <sched/rq.hpp>

namespace runnel::sched {

void queue_balance_callback(Rq& rq, BalanceCallback& callback, void (*fn)(Rq&)) {
  if (callback.queued) return;
  callback.queued = true;
  callback.fn = fn;
  callback.next = rq.balance_callbacks;
  rq.balance_callbacks = &callback;
}

namespace {

void run_list(Rq& rq, BalanceCallback* list) REQUIRES(rq.lock) {
  while (list != nullptr) {
    BalanceCallback& callback = *list;
    list = callback.next;
    callback.queued = false; // before it runs: it may queue itself again
    callback.fn(rq);
  }
}

} // namespace

void run_balance_callbacks(Rq& rq) {
  BalanceCallback* list = rq.balance_callbacks;
  rq.balance_callbacks = nullptr;
  run_list(rq, list);
}

void DeferredCallbacks::take(Rq& rq) {
  rq_ = &rq;
  const bool keep_push = rq.push_everything.queued;
  list_ = nullptr;
  for (BalanceCallback* callback = rq.balance_callbacks; callback != nullptr;) {
    BalanceCallback* next = callback->next;
    if (callback != &rq.push_everything) {
      callback->next = list_;
      list_ = callback;
    }
    callback = next;
  }
  rq.balance_callbacks = keep_push ? &rq.push_everything : nullptr;
  if (keep_push) rq.push_everything.next = nullptr;
  // Until they have run: the rq cannot queue them a second time, so a caller that was preempted would leave
  // it unbalanced for as long as that takes.
  if (list_ != nullptr) port::preempt_disable();
}

DeferredCallbacks::~DeferredCallbacks() {
  if (list_ == nullptr) return;
  {
    const RqLock guard(*rq_);
    update_rq_clock(*rq_);
    run_list(*rq_, list_);
  }
  port::preempt_enable();
}

void zap_balance_callbacks(Rq& rq) {
  const bool keep_push = rq.push_everything.queued;
  for (BalanceCallback* callback = rq.balance_callbacks; callback != nullptr; callback = callback->next)
    callback->queued = false;
  rq.balance_callbacks = nullptr;
  if (keep_push) queue_balance_callback(rq, rq.push_everything, rq.push_everything.fn);
}

} // namespace runnel::sched
