// SPDX-License-Identifier: Apache-2.0
// A trace as one HTML file that needs nothing else: the sources in qemu/trace/view with the trace packed into
// them.
#pragma once

#include "qemu/trace/check.hpp"
#include "qemu/trace/timeline.hpp"

#include <span>
#include <string>

namespace runnel::qemu {

std::string to_page(const TraceLog& log, const Timeline& line, std::span<const Violation> violations,
                    std::string_view title);

/// The trace as the page carries it: JSON whose tables are columns of variable-length numbers in base64, as
/// qemu/trace/view/data.js unpacks them. Holds no '<', so that it can stand in a script element.
std::string pack_trace(const TraceLog& log, const Timeline& line, std::span<const Violation> violations,
                       std::string_view title);

namespace view {
// Made from the files of these names by qemu/trace/embed.cmake.
extern const std::string_view page_html, view_css, format_js, data_js, geometry_js, draw_js, panel_js,
    search_js, main_js;
} // namespace view

} // namespace runnel::qemu
