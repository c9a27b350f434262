// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/shape.hpp"

#include <charconv>

namespace runnel::sim {
namespace {

bool take_number(std::string_view& text, u32& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || out == 0 || out > kMaxCpus) return false;
  text.remove_prefix(static_cast<usize>(end - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

} // namespace

std::optional<Shape> parse_shape(std::string_view text) {
  Shape shape;
  if (take(text, 'n') && (!take_number(text, shape.nodes) || !take(text, ':'))) return std::nullopt;
  u32 first = 0;
  if (!take_number(text, first)) return std::nullopt;
  if (take(text, 'x')) {
    shape.sockets = first;
    if (!take_number(text, shape.cores)) return std::nullopt;
    if (take(text, 'x') && !take_number(text, shape.threads)) return std::nullopt;
  } else {
    shape.cores = first;
  }
  if (take(text, '/') && !take_number(text, shape.cores_per_llc)) return std::nullopt;
  const u64 cpus = u64{shape.sockets} * shape.cores * shape.threads;
  if (!text.empty() || cpus > kMaxCpus || shape.nodes > shape.sockets || shape.cores_per_llc > shape.cores)
    return std::nullopt;
  return shape;
}

std::string to_string(const Shape& shape) {
  std::string text = shape.nodes > 1 ? "n" + std::to_string(shape.nodes) + ":" : "";
  text +=
      std::to_string(shape.sockets) + "x" + std::to_string(shape.cores) + "x" + std::to_string(shape.threads);
  if (shape.cores_per_llc != 0) text += "/" + std::to_string(shape.cores_per_llc);
  return text;
}

} // namespace runnel::sim
