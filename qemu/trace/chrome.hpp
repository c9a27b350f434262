// SPDX-License-Identifier: Apache-2.0
// A trace in Chrome's JSON form, which Perfetto's viewer opens: a track for each CPU and each thread, arrows
// from wakers to those they woke.
#pragma once

#include "qemu/trace/timeline.hpp"

#include <string>

namespace runnel::qemu {

/// A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
std::string json_quote(std::string_view text);

std::string to_chrome_json(const TraceLog& log, const Timeline& line);

} // namespace runnel::qemu
