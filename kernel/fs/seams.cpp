// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/seams.hpp"

namespace runnel::fs {

constinit Seams seams{
    .copy_to_user = [](u64, const void*, usize size) { return size; },
    .copy_from_user = [](void*, u64, usize size) { return size; },
    .raise_sigpipe = [] {},
    .realtime_offset = [] { return i64{0}; },
    .current_ids = [](u32& uid, u32& gid) { uid = gid = 0; },
    .current_group = [] { return u32{0}; },
    .signal_group = [](u32, i32) {},
};

} // namespace runnel::fs
