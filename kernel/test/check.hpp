// SPDX-License-Identifier: Apache-2.0
// How CHECK takes an expression apart: `Decompose{} <= a == b` parses as `(Decompose{} <= a) == b`, so both
// sides are seen before they are compared and can be printed when the comparison does not hold.
#pragma once

#include "kernel/lib/format.hpp"

#include <concepts>
#include <type_traits>
#include <utility>

namespace runnel::test {

/// Something to print later, by reference: valid until the end of the full expression.
struct Value {
  const void* object = nullptr;
  void (*print)(const void* object, Sink& sink) = nullptr;
};

/// Prints an unsigned number with its hexadecimal form when it is large: it is likely to be an address or a
/// mask.
void print_unsigned(u64 value, Sink& sink);
void print_text(std::string_view text, Sink& sink);

template <typename T> void print_value(const T& value, Sink& sink) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::is_convertible_v<const T&, std::string_view> && !std::is_null_pointer_v<Plain>) {
    print_text(value, sink);
  } else if constexpr (std::unsigned_integral<Plain> && !std::same_as<Plain, bool>) {
    print_unsigned(value, sink);
  } else if constexpr (std::is_same_v<Plain, Duration> || std::is_same_v<Plain, Instant>) {
    format_to(sink, "{} ns", value);
  } else if constexpr (std::is_same_v<Plain, PhysAddr> || std::is_same_v<Plain, VirtAddr>) {
    format_to(sink, "{:#x}", value);
  } else if constexpr (std::is_pointer_v<Plain>) {
    format_to(sink, "{:#x}", reinterpret_cast<uptr>(value));
  } else if constexpr (std::is_arithmetic_v<Plain> || std::is_enum_v<Plain> ||
                       std::is_null_pointer_v<Plain> || std::is_same_v<Plain, CpuId>) {
    format_to(sink, "{}", value);
  } else if constexpr (requires { value.has_value(), value.error(); }) {
    if (value.has_value()) return sink.write("a value");
    sink.write("error ");
    print_value(value.error(), sink);
  } else if constexpr (requires { value.has_value(), *value; }) {
    if (!value.has_value()) return sink.write("nothing");
    print_value(*value, sink);
  } else if constexpr (requires { value.bits(); }) {
    format_to(sink, "{:#x}", value.bits());
  } else if constexpr (requires { value.load(); }) {
    print_value(value.load(), sink);
  } else {
    sink.write("(object)");
  }
}

template <typename T> Value value_of(const T& object) {
  return {&object, [](const void* o, Sink& sink) { print_value(*static_cast<const T*>(o), sink); }};
}
// A function has no address that is an object's.
template <typename T>
  requires std::is_function_v<T>
Value value_of(const T&) {
  return {nullptr, [](const void*, Sink& sink) { sink.write("(function)"); }};
}

/// What became of one checked expression. `relation` is empty when it was not a comparison.
struct Outcome {
  bool passed = false;
  Value left;
  std::string_view relation;
  Value right;
};

template <typename T>
concept PlainInteger =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, char8_t> &&
    !std::same_as<T, char16_t> && !std::same_as<T, char32_t> && !std::same_as<T, wchar_t>;

// Integers compare by value whatever their signs: CHECK(list.size() == 3) means what it says.
#define RUNNEL_COMPARISON(op, name)                                                                          \
  template <typename R> Outcome operator op(const R& right) const {                                          \
    bool holds;                                                                                              \
    if constexpr (PlainInteger<std::remove_cv_t<L>> && PlainInteger<std::remove_cv_t<R>>)                    \
      holds = std::name(left, right);                                                                        \
    else                                                                                                     \
      holds = static_cast<bool>(left op right);                                                              \
    return {holds, value_of(left), " " #op " ", value_of(right)};                                            \
  }

template <typename L> struct Left {
  const L& left;
  RUNNEL_COMPARISON(==, cmp_equal)
  RUNNEL_COMPARISON(!=, cmp_not_equal)
  RUNNEL_COMPARISON(<, cmp_less)
  RUNNEL_COMPARISON(<=, cmp_less_equal)
  RUNNEL_COMPARISON(>, cmp_greater)
  RUNNEL_COMPARISON(>=, cmp_greater_equal)

  template <typename R> Outcome operator&&(const R&) const {
    static_assert(sizeof(R) == 0, "write two CHECKs, or put the whole expression in parentheses");
    return {};
  }
  template <typename R> Outcome operator||(const R&) const {
    static_assert(sizeof(R) == 0, "put the whole expression in parentheses");
    return {};
  }
};
#undef RUNNEL_COMPARISON

struct Decompose {
  template <typename L> Left<L> operator<=(const L& left) const { return {left}; }
};

inline Outcome outcome_of(const Outcome& outcome) { return outcome; }
template <typename L> Outcome outcome_of(const Left<L>& lone) {
  return {static_cast<bool>(lone.left), value_of(lone.left), "", {}};
}

} // namespace runnel::test
