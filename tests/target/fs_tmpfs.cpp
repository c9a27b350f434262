// SPDX-License-Identifier: Apache-2.0
// Names and content of files in memory: every call's effect and its errors, without user mode.
#include "kernel/fs/file_content.hpp"
#include "kernel/fs/rootfs.hpp"
#include "tests/target/fs_tree.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

using namespace fs;
using test::Tree;

/// The names of a directory, one after the other, "." and ".." first.
struct Names final : DirSink {
  char text[256] = {};
  BufferSink sink{text};
  u32 room = ~u32{0};
  bool add(std::string_view name, u64, u32, u64) override {
    if (room == 0) return false;
    --room;
    format_to(sink, "{} ", name);
    return true;
  }
};

RUNNEL_TEST(fs, a_file_reads_back_what_was_written, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  CHECK(tree.put("/a", "hello"));
  CHECK(tree.get("/a") == "hello");
  CHECK(tree.get("a") == "hello");
  CHECK(tree.put("a", "x")); // truncates
  CHECK(tree.get("a") == "x");
  const auto file = tree.open("a", kReadWrite | kAppend);
  REQUIRE(file.has_value());
  IoBuffer more("yz", 2);
  CHECK(*(*file)->write(more) == 2u);
  CHECK((*file)->position() == 3u);
  CHECK(tree.get("a") == "xyz");
  // A hole reads as zeros; the part after it is where it was put.
  IoBuffer far("end", 3);
  CHECK((*file)->write_to(far, 100'000).has_value()); // appends all the same, as Linux does
  CHECK(tree.get("a") == "xyzend");
  CHECK((*file)->truncate(70'000).has_value());
  Stat stat;
  (*file)->stat(stat);
  CHECK(stat.size == 70'000u);
  char byte = 'q';
  IoBuffer one(&byte, 1);
  CHECK(*(*file)->read_from(one, 69'999) == 1u);
  CHECK(byte == '\0');
  IoBuffer end(&byte, 1);
  CHECK(*(*file)->read_from(end, 70'000) == 0u);
}

RUNNEL_TEST(fs, seek_and_its_errors, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  REQUIRE(tree.put("f", "0123456789"));
  const auto file = tree.open("f", kReadOnly);
  REQUIRE(file.has_value());
  CHECK(*(*file)->seek(4, Whence::kSet) == 4u);
  CHECK(*(*file)->seek(-1, Whence::kCurrent) == 3u);
  CHECK(*(*file)->seek(5, Whence::kEnd) == 15u);
  CHECK((*file)->seek(-16, Whence::kEnd).error() == Errno::kINVAL);
  CHECK((*file)->seek(0, static_cast<Whence>(9)).error() == Errno::kINVAL);
  CHECK(*(*file)->seek(3, Whence::kHole) == 10u);
  CHECK((*file)->seek(10, Whence::kData).error() == Errno::kNXIO);
  IoBuffer from("x", 1);
  CHECK((*file)->write(from).error() == Errno::kBADF);
}

RUNNEL_TEST(fs, open_flags, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  REQUIRE(tree.mkdir("d").has_value());
  REQUIRE(tree.put("f", "x"));
  REQUIRE(make_symlink(tree.base(), "dangling", "target").has_value());
  REQUIRE(make_symlink(tree.base(), "tod", "d").has_value());
  CHECK(tree.open_error("none", kReadOnly) == Errno::kNOENT);
  CHECK(tree.open_error("", kReadOnly) == Errno::kNOENT);
  CHECK(tree.open_error("f", kCreate | kExclusive | kWriteOnly) == Errno::kEXIST);
  CHECK(tree.open_error("f/", kReadOnly) == Errno::kNOTDIR);
  CHECK(tree.open_error("f/x", kReadOnly) == Errno::kNOTDIR);
  CHECK(tree.open_error("f", kReadOnly | kDirectory) == Errno::kNOTDIR);
  CHECK(tree.open_error("d", kWriteOnly) == Errno::kISDIR);
  CHECK(tree.open_error("d", kCreate | kReadOnly) == Errno::kISDIR);
  CHECK(tree.open_error("new/", kCreate | kWriteOnly) == Errno::kISDIR);
  CHECK(tree.open_error("tod", kReadOnly | kNoFollow) == Errno::kLOOP);
  CHECK(tree.open("tod", kReadOnly | kNoFollow | kPath).has_value());
  CHECK(tree.open_error("dangling", kReadOnly) == Errno::kNOENT);
  CHECK(tree.open_error("dangling", kCreate | kExclusive | kWriteOnly) == Errno::kEXIST);
  CHECK(tree.put("dangling", "through")); // creates what the link names
  CHECK(tree.get("target") == "through");
  const auto place = tree.open("f", kPath);
  REQUIRE(place.has_value());
  char c;
  IoBuffer to(&c, 1);
  CHECK((*place)->read(to).error() == Errno::kBADF);
  const auto temporary = tree.open("d", kTmpFile | kDirectory | kReadWrite);
  REQUIRE(temporary.has_value());
  Stat stat;
  (*temporary)->stat(stat);
  CHECK(stat.links == 0u);
}

RUNNEL_TEST(fs, walk_dots_links_and_loops, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  REQUIRE(tree.mkdir("a").has_value());
  REQUIRE(tree.mkdir("a/b").has_value());
  REQUIRE(tree.put("a/b/f", "deep"));
  REQUIRE(make_symlink(tree.base(), "a/up", "..").has_value());
  REQUIRE(make_symlink(tree.base(), "abs", "/a/b/f").has_value());
  REQUIRE(make_symlink(tree.base(), "loop1", "loop2").has_value());
  REQUIRE(make_symlink(tree.base(), "loop2", "loop1").has_value());
  CHECK(tree.get("a/./b/../b//f") == "deep");
  CHECK(tree.get("../../a/b/f") == "deep"); // the root is its own parent
  CHECK(tree.get("a/up/a/up/a/b/f") == "deep");
  CHECK(tree.get("abs") == "deep");
  CHECK(tree.open_error("loop1", kReadOnly) == Errno::kLOOP);
  CHECK(tree.open_error("a/b/f/..", kReadOnly) == Errno::kNOTDIR);
  char name[kMaxName + 2];
  std::fill_n(name, sizeof name, 'n');
  CHECK(tree.open_error({name, kMaxName}, kReadOnly) == Errno::kNOENT);
  CHECK(tree.open_error({name, kMaxName + 1}, kReadOnly) == Errno::kNAMETOOLONG);
  // 40 links are followed, the 41st is one too many.
  REQUIRE(tree.put("l0", "end"));
  for (u32 i = 1; i <= 41; ++i) {
    char from[8], to[8];
    BufferSink f{from}, t{to};
    format_to(f, "l{}", i);
    format_to(t, "l{}", i - 1);
    REQUIRE(make_symlink(tree.base(), f.view(), t.view()).has_value());
  }
  CHECK(tree.get("l40") == "end");
  CHECK(tree.open_error("l41", kReadOnly) == Errno::kLOOP);
}

RUNNEL_TEST(fs, removal, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  REQUIRE(tree.mkdir("d").has_value());
  REQUIRE(tree.put("d/f", "still here"));
  CHECK(remove_directory(tree.base(), "d").error() == Errno::kNOTEMPTY);
  CHECK(remove_directory(tree.base(), "d/f").error() == Errno::kNOTDIR);
  CHECK(remove_directory(tree.base(), "d/.").error() == Errno::kINVAL);
  CHECK(remove_directory(tree.base(), "d/..").error() == Errno::kNOTEMPTY);
  CHECK(remove_directory(tree.base(), "/").error() == Errno::kBUSY);
  CHECK(remove_file(tree.base(), "d").error() == Errno::kISDIR);
  CHECK(remove_file(tree.base(), "none").error() == Errno::kNOENT);
  CHECK(remove_file(tree.base(), "d/f/").error() == Errno::kNOTDIR);
  const auto file = tree.open("d/f", kReadOnly);
  REQUIRE(file.has_value());
  const Result<Found> dir = walk(tree.base(), "d", 0);
  REQUIRE(dir.has_value());
  CHECK(remove_file(tree.base(), "d/f").has_value());
  CHECK(remove_directory(tree.base(), "d").has_value());
  char text[16];
  IoBuffer to(text, sizeof text);
  CHECK(*(*file)->read(to) == 10u); // an open file outlives its name
  // Nothing is made in a directory that is gone.
  const WalkBase gone{tree.root(), dir->path};
  CHECK(make_node(gone, "x", kTypeDirectory | 0755, 0).error() == Errno::kNOENT);
  CHECK(open(gone, "x", kCreate | kWriteOnly, 0644).error() == Errno::kNOENT);
}

RUNNEL_TEST(fs, rename_and_its_errors, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  const auto mv = [&](std::string_view from, std::string_view to, u32 flags = 0) {
    return Tree::error_of(rename(tree.base(), from, tree.base(), to, flags));
  };
  REQUIRE(tree.mkdir("d").has_value());
  REQUIRE(tree.mkdir("d/sub").has_value());
  REQUIRE(tree.mkdir("e").has_value());
  REQUIRE(tree.put("f", "f"));
  REQUIRE(tree.put("g", "g"));
  CHECK(mv("f", "d/h") == Errno{});
  CHECK(tree.get("d/h") == "f");
  CHECK(tree.open_error("f", kReadOnly) == Errno::kNOENT);
  CHECK(mv("g", "d/h") == Errno{}); // replaces
  CHECK(tree.get("d/h") == "g");
  CHECK(mv("d", "d/sub/x") == Errno::kINVAL);
  CHECK(mv("d/h", "e") == Errno::kISDIR);
  CHECK(mv("e", "d/h") == Errno::kNOTDIR);
  CHECK(mv("e", "d") == Errno::kNOTEMPTY);
  CHECK(mv("d/sub", "e") == Errno{}); // an empty directory is replaced
  CHECK(mv("none", "x") == Errno::kNOENT);
  CHECK(mv("d/..", "x") == Errno::kBUSY);
  CHECK(mv("d/h", "e/h", kRenameNoReplace) == Errno{});
  REQUIRE(tree.put("d/h", "other"));
  CHECK(mv("d/h", "e/h", kRenameNoReplace) == Errno::kEXIST);
  CHECK(mv("d/h", "e/h", kRenameExchange) == Errno{});
  CHECK(tree.get("e/h") == "other");
  CHECK(tree.get("d/h") == "g");
  CHECK(mv("d/h", "e/h", 8) == Errno::kINVAL);
  Stat stat;
  tree.root().inode().stat(stat);
  CHECK(stat.links == 4u); // d and e
}

RUNNEL_TEST(fs, hard_links_share_the_file, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  REQUIRE(tree.put("f", "one"));
  CHECK(make_link(tree.base(), "f", tree.base(), "g", 0).has_value());
  CHECK(make_link(tree.base(), "f", tree.base(), "g", 0).error() == Errno::kEXIST);
  REQUIRE(tree.mkdir("d").has_value());
  CHECK(make_link(tree.base(), "d", tree.base(), "h", 0).error() == Errno::kPERM);
  CHECK(tree.put("g", "two"));
  CHECK(tree.get("f") == "two");
  CHECK(rename(tree.base(), "f", tree.base(), "g", 0).has_value()); // the same file: nothing happens
  CHECK(tree.get("f") == "two");
  CHECK(remove_file(tree.base(), "f").has_value());
  Stat stat;
  const auto g = walk(tree.base(), "g", 0);
  REQUIRE(g.has_value());
  g->path.inode().stat(stat);
  CHECK(stat.links == 1u);
}

RUNNEL_TEST(fs, directories_list_in_steps, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  for (const auto* name : {"one", "two", "three"}) REQUIRE(tree.put(name, ""));
  const auto dir = tree.open("/", kReadOnly | kDirectory);
  REQUIRE(dir.has_value());
  Names names;
  names.room = 3;
  CHECK((*dir)->list(names).has_value());
  CHECK(names.sink.view() == ". .. one ");
  REQUIRE(remove_file(tree.base(), "two").has_value());
  REQUIRE(tree.put("four", ""));
  names.room = 9;
  CHECK((*dir)->list(names).has_value());
  CHECK(names.sink.view() == ". .. one three four ");
  Names none;
  CHECK((*dir)->list(none).has_value());
  CHECK(none.sink.view() == "");
  CHECK(tree.open_error("one/", kReadOnly) == Errno::kNOTDIR);
}

RUNNEL_TEST(fs, names_of_places, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  REQUIRE(tree.mkdir("a").has_value());
  REQUIRE(tree.mkdir("a/b").has_value());
  const auto b = walk(tree.base(), "a/b", 0);
  REQUIRE(b.has_value());
  char buffer[32];
  CHECK(name_of(b->path, tree.root(), buffer)->text == "/a/b");
  CHECK(name_of(tree.root(), tree.root(), buffer)->text == "/");
  CHECK(name_of(b->path, tree.root(), std::span(buffer).first(3)).error() == Errno::kNAMETOOLONG);
  REQUIRE(remove_directory(tree.base(), "a/b").has_value());
  CHECK(name_of(b->path, tree.root(), buffer)->unlinked);
}

RUNNEL_TEST(fs, mounts_are_crossed_both_ways, .limit = 5_s)
{
  Tree outer, inner;
  REQUIRE(outer.ok());
  REQUIRE(inner.ok());
  REQUIRE(outer.mkdir("m").has_value());
  REQUIRE(inner.put("f", "inside"));
  const auto at = walk(outer.base(), "m", 0);
  REQUIRE(at.has_value());
  const auto mounted = mount(inner.fs(), at->path, "test", "/m");
  REQUIRE(mounted.has_value());
  CHECK(outer.get("m/f") == "inside");
  REQUIRE(outer.put("m/../g", "outside"));
  CHECK(outer.get("g") == "outside");
  const auto f = walk(outer.base(), "m/f", 0);
  REQUIRE(f.has_value());
  char buffer[32];
  CHECK(name_of(f->path, outer.root(), buffer)->text == "/m/f");
  CHECK(remove_directory(outer.base(), "m").error() == Errno::kBUSY);
  CHECK(rename(outer.base(), "m/f", outer.base(), "f", 0).error() == Errno::kXDEV);
  unmount(**mounted);
  CHECK(outer.open_error("m/f", kReadOnly) == Errno::kNOENT);
}

RUNNEL_TEST(fs, content_is_pages_for_mappings, .limit = 5_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  REQUIRE(tree.put("f", "mapped"));
  const auto file = tree.open("f", kReadWrite);
  REQUIRE(file.has_value());
  const auto object = (*file)->vm_object();
  REQUIRE(object.has_value());
  CHECK((*object)->size() == 6u);
  CHECK((*object)->is_resident(0));
  CHECK((*object)->page(1).error() == Errno::kFAULT);
  REQUIRE((*file)->truncate(3 * kPageSize).has_value());
  CHECK(!(*object)->is_resident(2));
  CHECK((*file)->truncate(1).has_value());
  CHECK((*file)->truncate(6).has_value());
  CHECK(tree.get("f") == std::string_view("m\0\0\0\0\0", 6)); // what was cut off does not come back
  const auto memfd = create_memfd(tree.fs(), "x", 0);
  REQUIRE(memfd.has_value());
  CHECK((*(*memfd)->vm_object())->name() == "/memfd:x (deleted)");
}

RUNNEL_TEST(fs, threads_make_and_remove_names, .cpus = 2, .limit = 30_s)
{
  Tree tree;
  REQUIRE(tree.ok());
  std::atomic<u32> wrong{0};
  test::run_threads(4, [&](u32 i) {
    for (u32 n = 0; n < 40; ++n) {
      char name[16], other[16];
      BufferSink a{name}, b{other};
      format_to(a, "f{}-{}", i, n);
      format_to(b, "g{}", n % 3);
      const auto file = open(tree.base(), a.view(), kCreate | kExclusive | kReadWrite, 0600);
      if (!file) wrong.fetch_add(1);
      // The shared names come and go under everyone's hands: any outcome but a broken tree.
      static_cast<void>(rename(tree.base(), a.view(), tree.base(), b.view(), 0));
      static_cast<void>(remove_file(tree.base(), b.view()));
      if (n % 4 == i) yield();
    }
  });
  CHECK(wrong.load() == 0u);
  for (const auto* name : {"g0", "g1", "g2"}) static_cast<void>(remove_file(tree.base(), name));
  CHECK(tree.root().inode().is_empty_directory());
}

} // namespace
} // namespace runnel
