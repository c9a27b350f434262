// SPDX-License-Identifier: Apache-2.0
// Device trees that QEMU 7.2 does not make: written here, token by token.
#include "tests/firmware_image.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::test;

namespace {

class Tree {
 public:
  Tree& begin(std::string_view name) { return word(1), text(name), *this; }
  Tree& end() { return word(2), *this; }
  Tree& cells(std::string_view name, std::initializer_list<u32> values) {
    property(name, values.size() * 4);
    for (const u32 value : values) word(value);
    return *this;
  }
  Tree& string(std::string_view name, std::string_view value) {
    return property(name, value.size() + 1), text(value), *this;
  }

  Blob finish() {
    word(9);
    const u32 strings = kHeader + static_cast<u32>(structure_.size());
    Blob out(kHeader);
    const u32 header[10] = {0xd00dfeed,
                            strings + static_cast<u32>(names_.size()),
                            kHeader,
                            strings,
                            40,
                            17,
                            16,
                            0,
                            static_cast<u32>(names_.size()),
                            static_cast<u32>(structure_.size())};
    for (std::size_t i = 0; i < 10; ++i) store(out, i * 4, header[i]);
    out.insert(out.end(), structure_.begin(), structure_.end());
    for (const char c : names_) out.push_back(static_cast<std::byte>(c));
    return out;
  }

 private:
  static constexpr u32 kHeader = 56; // and one empty memory reservation

  static void store(Blob& to, std::size_t at, u32 value) {
    const u32 big = __builtin_bswap32(value);
    std::memcpy(&to[at], &big, 4);
  }
  void word(u32 value) {
    structure_.resize(structure_.size() + 4);
    store(structure_, structure_.size() - 4, value);
  }
  void text(std::string_view value) {
    for (const char c : value) structure_.push_back(static_cast<std::byte>(c));
    structure_.resize((structure_.size() + 4) / 4 * 4);
  }
  void property(std::string_view name, std::size_t size) {
    word(3);
    word(static_cast<u32>(size));
    word(static_cast<u32>(names_.size()));
    names_ += name;
    names_ += '\0';
  }

  Blob structure_;
  std::string names_;
};

Tree& add_gic(Tree& t) {
  return t.begin("intc@8000000")
      .string("compatible", "arm,gic-v3")
      .cells("reg", {0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000})
      .end();
}

Tree& add_cpu(Tree& t, u32 id, u32 next_cache, std::string_view status = "okay") {
  return t.begin("cpu@" + std::to_string(id))
      .string("device_type", "cpu")
      .string("status", status)
      .cells("reg", {id})
      .cells("phandle", {0x100 + id})
      .cells("next-level-cache", {next_cache})
      .end();
}

FirmwareImage::Outcome describe(Tree& tree) {
  FirmwareImage image;
  image.load_fdt(tree.finish());
  return image.describe();
}

Tree root() {
  Tree t;
  t.begin("").cells("#address-cells", {2}).cells("#size-cells", {2});
  return t;
}

} // namespace

TEST_CASE("firmware: chains of next-level-cache decide who shares the last level", "[firmware]") {
  Tree t = root();
  t.begin("cpus").cells("#address-cells", {1}).cells("#size-cells", {0});
  for (const u32 id : {0u, 1u, 2u, 3u}) add_cpu(t, id, 0x200 + id); // an own second level each
  add_cpu(t, 4, 0x200, "disabled");
  for (const u32 id : {0u, 1u, 2u, 3u})
    t.begin("l2-" + std::to_string(id))
        .string("compatible", "cache")
        .cells("phandle", {0x200 + id})
        .cells("next-level-cache", {0x300 + id / 2})
        .end();
  t.end();
  add_gic(t).end();
  const auto out = describe(t);
  INFO(out.why);
  REQUIRE(out.result);
  REQUIRE(out.machine.nr_cpus == 4);
  for (u32 i = 0; i < 4; ++i) {
    CHECK(out.machine.cpus[i].llc == i / 2);
    CHECK(out.machine.cpus[i].core == i); // no cpu-map: every CPU is a core
    CHECK(out.machine.cpus[i].package == 0);
  }
}

TEST_CASE("firmware: /chosen picks the serial port", "[firmware]") {
  Tree t = root();
  t.begin("cpus").cells("#address-cells", {1}).cells("#size-cells", {0});
  add_cpu(t, 0, 0).end();
  const std::string path =
      GENERATE("", "/pl011@9040000", "/soc/pl011@9040000:115200n8", "/pl011@1", "serial0");
  CAPTURE(path);
  for (const u32 base : {0x9000000u, 0x9040000u})
    t.begin(base == 0x9000000 ? "pl011@9000000" : "pl011@9040000")
        .string("compatible", "arm,pl011")
        .cells("reg", {0, base, 0, 0x1000})
        .cells("interrupts", {0, base >> 18 & 0xff, 4})
        .end();
  if (!path.empty()) t.begin("chosen").string("stdout-path", path).end();
  add_gic(t).end();
  const auto out = describe(t);
  INFO(out.why);
  REQUIRE(out.result);
  const u32 want = path.find("9040000") != std::string::npos ? 0x9040000 : 0x9000000;
  CHECK(out.machine.uart == arch::UartKind::kPl011);
  CHECK(out.machine.uart_base == want);
  CHECK(out.machine.uart_irq == (want >> 18 & 0xff));
}

TEST_CASE("firmware: several redistributor regions", "[firmware]") {
  Tree t = root();
  t.begin("cpus").cells("#address-cells", {1}).cells("#size-cells", {0});
  add_cpu(t, 0, 0).end();
  t.begin("intc").string("compatible", "arm,gic-v3").cells("#redistributor-regions", {2});
  // The distributor, two regions, and a view for old guests that is none.
  t.cells("reg", {0, 1 << 16, 0, 1 << 16, 0, 2 << 16, 0, 4 << 16, 1, 0, 0, 8 << 16, 0, 9 << 16, 0, 1 << 16})
      .end()
      .end();
  const auto out = describe(t);
  INFO(out.why);
  REQUIRE(out.result);
  CHECK(out.machine.gicd_base == 1 << 16);
  REQUIRE(out.machine.nr_gicr_regions == 2);
  CHECK(out.machine.gicr_regions[1].base == u64{1} << 32);
  CHECK(out.machine.gicr_regions[1].size == 8 << 16);
}

TEST_CASE("firmware: trees whose nodes do not pair are refused", "[firmware]") {
  const auto why_of = [](auto build) {
    Tree t = root();
    build(t);
    const auto out = describe(t);
    CHECK_FALSE(out.result);
    return out.why.substr(0, out.why.find(" before"));
  };
  CHECK(why_of([](Tree&) {}) == "device tree: ends inside a node");
  CHECK(why_of([](Tree& t) { t.end().end(); }) == "device tree: more nodes end than begin");
  CHECK(why_of([](Tree& t) { t.end().cells("reg", {0}); }) == "device tree: property outside of a node");
  CHECK(why_of([](Tree& t) {
          for (int i = 0; i < 40; ++i) t.begin("x");
        }) == "device tree: nested too deeply");
  CHECK(why_of([](Tree& t) { t.end(); }) == "device tree lists no enabled CPU");
}
