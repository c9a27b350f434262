// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/rseq/statistics.hpp"

#include "kernel/smp/cpumask.hpp"

namespace runnel::user::rseq {

constinit PerCpu<Statistics> statistics;

Statistics total_statistics() {
  Statistics sum;
  for (u32 i = 0; i < nr_cpus(); ++i) {
    const Statistics& s = statistics.on({i});
    sum.exit += s.exit;
    sum.signal += s.signal;
    sum.slow += s.slow;
    sum.fast += s.fast;
    sum.ids += s.ids;
    sum.section += s.section;
    sum.clear += s.clear;
    sum.fixup += s.fixup;
    sum.granted += s.granted;
    sum.expired += s.expired;
    sum.revoked += s.revoked;
    sum.yielded += s.yielded;
    sum.aborted += s.aborted;
    sum.cid_flips += s.cid_flips;
  }
  return sum;
}

void write_statistics(Sink& to) {
  const Statistics s = total_statistics();
  format_to(to, "exit: {}\nsignal: {}\nslowpath: {}\nfastpath: {}\nids: {}\ncs: {}\nclear: {}\nfixup: {}\n",
            s.exit, s.signal, s.slow, s.fast, s.ids, s.section, s.clear, s.fixup);
  format_to(to, "s_granted: {}\ns_expired: {}\ns_revoked: {}\ns_yielded: {}\ns_aborted: {}\n", s.granted,
            s.expired, s.revoked, s.yielded, s.aborted);
  format_to(to, "cid_flips: {}\n", s.cid_flips);
}

} // namespace runnel::user::rseq
