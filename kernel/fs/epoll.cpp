// SPDX-License-Identifier: Apache-2.0
// Locks, outermost first: ctl_lock (who watches what), a set's scan lock (whoever goes through its ready
// list; of an outer set before an inner one's), its ready lock (the list itself, from callbacks in any
// context).
#include "kernel/fs/epoll.hpp"

#include "kernel/lib/rbtree.hpp"
#include "kernel/sync/rcu.hpp"

#include <algorithm>

namespace runnel::fs {

class EpollSet;

/// One watched file.
struct EpollItem {
  static constexpr u32 kMaxQueues = 3; // one object has at most this many
  struct Entry : PollEntry {
    EpollItem* item = nullptr;
  };

  EpollSet* set = nullptr;
  File* file = nullptr; // no reference: epoll_forget()
  i32 fd = -1;
  EpollEvent event; // set.ready_lock_ and scan lock
  RbNode by_file;
  ListNode ready;                    // set.ready_lock_
  EpollItem* next_watcher = nullptr; // of the same file; ctl_lock
  Entry entries[kMaxQueues];
  u32 nr_entries = 0;
};

namespace {

constexpr u32 kAlways = kPollErr | kPollHup;
constexpr u32 kMaxNesting = 5; // sets in a row
constinit Mutex ctl_lock;

} // namespace

class EpollSet final : public EpollFile {
 public:
  Result<> add(File& file, i32 fd, const EpollEvent& event) override;
  Result<> modify(File& file, i32 fd, const EpollEvent& event) override;
  Result<> remove(File& file, i32 fd) override;
  Result<usize> wait(std::span<EpollEvent> to, Instant until) override;

  u32 poll(PollTable* table) override {
    if (table != nullptr) table->watch(queue_);
    if (!has_ready()) return 0;
    const MutexGuard guard(scan_lock_);
    EpollEvent event;
    // A look only: what is found stays on the list.
    return scan({&event, 1}, Scan::kLook) != 0 ? u32{kPollReadable} : 0;
  }
  void stat(Stat& to) const override {
    to.device = 14;
    to.inode = inode_;
    to.mode = 0600;
  }
  void describe(Sink& sink) const override { sink.write("anon_inode:[eventpoll]"); }
  void fdinfo(Sink& sink) const override {
    const MutexGuard guard(ctl_lock);
    for (const EpollItem* item = items_.first(); item != nullptr; item = items_.next(*item))
      format_to(sink, "tfd: {:8} events: {:8x} data: {:16x}\n", item->fd, item->event.events,
                item->event.data);
  }

  /// With ctl_lock.
  void drop(EpollItem& item);

 protected:
  void last_put() override;

 private:
  enum class Scan : u8 { kTake, kLook };
  struct Reclaim : sync::RcuHead {
    EpollSet* set = nullptr;
  };
  class Table final : public PollTable {
   public:
    explicit Table(EpollItem& item) : item_(item) {}
    void watch(PollQueue& queue) override;

   private:
    EpollItem& item_;
  };

  static bool item_less(const EpollItem& a, const EpollItem& b) {
    return a.file != b.file ? a.file < b.file : a.fd < b.fd;
  }
  static PollEntry::Heard changed(PollEntry& entry, u32 events, PollQueue*& next);

  EpollItem* find(const File& file, i32 fd);
  bool has_ready() const {
    const IrqSpinGuard guard(ready_lock_);
    return nr_ready_ != 0;
  }
  void push(EpollItem& item) REQUIRES(ready_lock_);
  EpollItem* pop();
  void check_now(EpollItem& item, u32 events);
  usize scan(std::span<EpollEvent> to, Scan how) REQUIRES(scan_lock_);
  bool contains(const EpollSet& other) const;
  u32 depth_below() const;
  u32 depth_above() const;

  RbTree<EpollItem, &EpollItem::by_file, item_less> items_; // ctl_lock
  Mutex scan_lock_;
  mutable SpinLock ready_lock_{LockRank::kEpoll};
  mutable List<EpollItem, &EpollItem::ready> ready_ GUARDED_BY(ready_lock_);
  u32 nr_ready_ GUARDED_BY(ready_lock_) = 0;
  std::atomic<u32> nr_waiting_{0}; // threads in wait()
  PollQueue queue_;                // they, and sets that watch this one
  u64 inode_ = next_anonymous_inode();
  Reclaim reclaim_;
};

void EpollSet::Table::watch(PollQueue& queue) {
  if (item_.nr_entries == EpollItem::kMaxQueues) return;
  EpollItem::Entry& entry = item_.entries[item_.nr_entries++];
  entry.item = &item_;
  entry.callback = changed;
  if ((item_.event.events & kEpollExclusive) != 0) entry.kind = PollEntry::Kind::kExclusive;
  queue.add(entry);
}

PollEntry::Heard EpollSet::changed(PollEntry& entry, u32 events, PollQueue*& next) {
  EpollItem& item = *static_cast<EpollItem::Entry&>(entry).item;
  EpollSet& set = *item.set;
  {
    const IrqSpinGuard guard(set.ready_lock_);
    const u32 wanted = item.event.events & 0xffff;
    if (wanted == 0 || (events & (wanted | kAlways)) == 0) return PollEntry::Heard::kNo;
    set.push(item);
  }
  next = &set.queue_;
  return set.nr_waiting_.load(std::memory_order_relaxed) != 0 ? PollEntry::Heard::kYes
                                                              : PollEntry::Heard::kNo;
}

void EpollSet::push(EpollItem& item) {
  if (item.ready.is_linked()) return;
  ready_.push_back(item);
  ++nr_ready_;
}

EpollItem* EpollSet::pop() {
  const IrqSpinGuard guard(ready_lock_);
  EpollItem* const item = ready_.pop_front();
  if (item != nullptr) --nr_ready_;
  return item;
}

EpollItem* EpollSet::find(const File& file, i32 fd) {
  EpollItem* item = items_.root();
  while (item != nullptr && (item->file != &file || item->fd != fd)) {
    const bool left = &file != item->file ? &file < item->file : fd < item->fd;
    item = left ? items_.left(*item) : items_.right(*item);
  }
  return item;
}

bool EpollSet::contains(const EpollSet& other) const {
  if (this == &other) return true;
  for (const EpollItem* item = items_.first(); item != nullptr; item = items_.next(*item))
    if (item->file->kind() == FileKind::kEpoll && static_cast<EpollSet*>(item->file)->contains(other))
      return true;
  return false;
}

u32 EpollSet::depth_below() const {
  u32 depth = 0;
  for (const EpollItem* item = items_.first(); item != nullptr; item = items_.next(*item))
    if (item->file->kind() == FileKind::kEpoll)
      depth = std::max(depth, static_cast<EpollSet*>(item->file)->depth_below());
  return depth + 1;
}

u32 EpollSet::depth_above() const {
  u32 depth = 0;
  for (const EpollItem* item = watchers.load(std::memory_order_relaxed); item != nullptr;
       item = item->next_watcher)
    depth = std::max(depth, item->set->depth_above());
  return depth + 1;
}

Result<> EpollSet::add(File& file, i32 fd, const EpollEvent& event) {
  if (!file.can_poll()) return err(Errno::kPERM);
  if (&file == this) return err(Errno::kINVAL);
  constexpr u32 kExclusiveOk =
      kPollIn | kPollOut | kPollErr | kPollHup | kEpollWakeUp | kEpollEdge | kEpollExclusive;
  if ((event.events & kEpollExclusive) != 0 &&
      (file.kind() == FileKind::kEpoll || (event.events & ~kExclusiveOk) != 0))
    return err(Errno::kINVAL);
  const MutexGuard guard(ctl_lock);
  if (find(file, fd) != nullptr) return err(Errno::kEXIST);
  if (file.kind() == FileKind::kEpoll) {
    const auto& inner = static_cast<EpollSet&>(file);
    if (inner.contains(*this) || depth_above() + inner.depth_below() > kMaxNesting) return err(Errno::kLOOP);
  }
  auto* const item = mm::knew<EpollItem>();
  if (item == nullptr) return err(Errno::kNOMEM);
  item->set = this;
  item->file = &file;
  item->fd = fd;
  item->event = event;
  items_.insert(*item);
  item->next_watcher = file.watchers.load(std::memory_order_relaxed);
  file.watchers.store(item, std::memory_order_release); // pairs with the acquire in File::last_put
  Table table(*item);
  check_now(*item, file.poll(&table));
  return {};
}

/// What is true already when a file begins to be watched.
void EpollSet::check_now(EpollItem& item, u32 events) {
  {
    const IrqSpinGuard guard(ready_lock_);
    if ((item.event.events & 0xffff) == 0 || (events & (item.event.events | kAlways)) == 0) return;
    push(item);
  }
  queue_.wake(kPollReadable);
}

Result<> EpollSet::modify(File& file, i32 fd, const EpollEvent& event) {
  const MutexGuard guard(ctl_lock);
  EpollItem* const item = find(file, fd);
  if (item == nullptr) return err(Errno::kNOENT);
  if (((event.events | item->event.events) & kEpollExclusive) != 0) return err(Errno::kINVAL);
  {
    const MutexGuard scanning(scan_lock_);
    const IrqSpinGuard ready(ready_lock_);
    item->event = event;
  }
  check_now(*item, file.poll(nullptr));
  return {};
}

Result<> EpollSet::remove(File& file, i32 fd) {
  const MutexGuard guard(ctl_lock);
  EpollItem* const item = find(file, fd);
  if (item == nullptr) return err(Errno::kNOENT);
  drop(*item);
  return {};
}

void EpollSet::drop(EpollItem& item) {
  for (u32 i = 0; i < item.nr_entries; ++i) PollQueue::remove(item.entries[i]);
  {
    const MutexGuard scanning(scan_lock_); // a scan may be looking at it
    const IrqSpinGuard guard(ready_lock_);
    if (item.ready.is_linked()) {
      ready_.erase(item);
      --nr_ready_;
    }
  }
  items_.erase(item);
  // Last: once the file is not watched any more, it may go.
  EpollItem* watcher = item.file->watchers.load(std::memory_order_relaxed);
  if (watcher == &item) {
    item.file->watchers.store(item.next_watcher, std::memory_order_release); // pairs with File::last_put
  } else {
    while (watcher->next_watcher != &item) watcher = watcher->next_watcher;
    watcher->next_watcher = item.next_watcher;
  }
  mm::kdelete(&item);
}

/// Goes once through what is on the ready list now; asks each file whether it still is.
usize EpollSet::scan(std::span<EpollEvent> to, Scan how) {
  u32 left;
  {
    const IrqSpinGuard guard(ready_lock_);
    left = nr_ready_;
  }
  usize found = 0;
  for (; left > 0 && found < to.size(); --left) {
    EpollItem* const item = pop();
    if (item == nullptr) break;
    // Off the list before the file is asked: what changes from here on puts it back.
    const u32 wanted = item->event.events & 0xffff;
    const u32 events = wanted == 0 ? 0 : item->file->poll(nullptr) & (wanted | kAlways);
    if (events == 0) continue;
    to[found++] = {events, item->event.data};
    const IrqSpinGuard guard(ready_lock_);
    const bool one_shot = (item->event.events & kEpollOneShot) != 0;
    const bool edge = (item->event.events & kEpollEdge) != 0;
    if (how == Scan::kLook || (!one_shot && !edge))
      push(*item); // level: looked at again by the next wait
    else if (one_shot)
      item->event.events &= ~u32{0xffff}; // until it is modified
  }
  return found;
}

Result<usize> EpollSet::wait(std::span<EpollEvent> to, Instant until) {
  for (;;) {
    if (has_ready()) {
      usize found;
      {
        const MutexGuard guard(scan_lock_);
        found = scan(to, Scan::kTake);
      }
      if (found != 0) {
        if (has_ready()) queue_.wake(kPollReadable); // for the next waiter
        return found;
      }
    }
    if (until == Instant{}) return 0; // only a look
    nr_waiting_.fetch_add(1, std::memory_order_relaxed);
    const WaitResult end = queue_.wait(kPollReadable, [this] { return has_ready(); }, until);
    nr_waiting_.fetch_sub(1, std::memory_order_relaxed);
    if (end == WaitResult::kInterrupted) return err(Errno::kINTR);
    if (end == WaitResult::kTimedOut && !has_ready()) return 0;
    if (end == WaitResult::kTimedOut) until = Instant{}; // a last look
  }
}

void EpollSet::last_put() {
  epoll_forget(*this);
  {
    const MutexGuard guard(ctl_lock);
    while (EpollItem* const item = items_.first()) drop(*item);
  }
  // A wake-up that reached this set through one of its files may be about to wake queue_.
  reclaim_.set = this;
  sync::call_rcu(reclaim_, [](sync::RcuHead& head) { delete static_cast<Reclaim&>(head).set; });
}

Result<FilePtr> EpollFile::create() { return make_file<EpollSet>(); }

void epoll_forget(File& file) {
  if (file.watchers.load(std::memory_order_acquire) == nullptr) return; // pairs with EpollSet::drop
  const MutexGuard guard(ctl_lock);
  while (EpollItem* const item = file.watchers.load(std::memory_order_relaxed)) item->set->drop(*item);
}

} // namespace runnel::fs
