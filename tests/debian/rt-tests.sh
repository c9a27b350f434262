# SPDX-License-Identifier: Apache-2.0
# Programs of Debian's rt-tests as they come, run by busybox's shell on a machine whose time is exact; prints KTAP.
#   t NAME LIMIT 'COMMAND' 'CHECK'    what COMMAND writes goes into CHECK, which says by its status whether it is right;
#                                     the command ends with 0 within LIMIT seconds of the machine's time
for applet in awk cat grep sed timeout wc; do busybox ln -s busybox /bin/$applet; done
number=0 failed=0

t() {
  number=$((number + 1))
  if timeout -s KILL $2 sh -c "$3" >/tmp/out 2>&1 </dev/null && sh -c "$4" </tmp/out >/tmp/why 2>&1; then
    echo "ok $number $1"
  else
    failed=1
    cat /tmp/out /tmp/why | sed 's/^/# /'
    echo "not ok $number $1"
  fi
}

echo 'KTAP version 1'
echo "1..$(grep -c '^t ' "$0")"

# Groups of 20 senders and 20 receivers: everything has been received when it ends.
t hackbench-threads 20 'hackbench -T -g 2 -l 20' 'grep -q "^Time: "'
t hackbench-processes 20 'hackbench -P -g 2 -l 20' 'grep -q "^Time: "'
t hackbench-thread-pipes 20 'hackbench -T -p -g 2 -l 50' 'grep -q "^Time: "'
t hackbench-process-pipes 20 'hackbench -P -p -g 2 -l 20' 'grep -q "^Time: "'
t hackbench-fifo 20 'hackbench -F -g 1 -l 20' 'grep -q "^Time: "'

# Its threads wake in time: so many of them, on average and at the latest within so many microseconds, in either way of
# waiting. The CPUs take turns, which end with a pause or with the next timer of any of them: that is within a tick. An
# ordinary thread may have to wait for another one's slice as well, 2.1 ms on 4 CPUs, which ends with a tick.
wakes_within() {
  echo 'awk "/^T:/ { threads++; n = split(\$0, w, \" \"); if (w[n - 2] > '"$2"' || w[n] > '"$3"') late = 1 }
             END { exit !(threads == '"$1"' && !late) }"'
}
cpus=$(nproc)
t cyclictest 5 'cyclictest -l 100 -t 4 -p 80 -q' "$(wakes_within 4 50 4000)"
t cyclictest-each-cpu 5 'cyclictest -l 100 -S -m -p 80 -q' "$(wakes_within $cpus 50 4000)"
t cyclictest-relative 5 'cyclictest -l 100 -t 4 -r -p 80 --policy=rr -q' "$(wakes_within 4 50 4000)"
t cyclictest-other 5 'cyclictest -l 100 -t 4 -q' "$(wakes_within 4 1000 8000)"
t cyclictest-histogram 5 'cyclictest -l 200 -p 80 -h 1000 -q' 'grep -q "^# Total: 000000200"'
t cyclictest-duration 5 'cyclictest -D 1 -p 80 -q' 'awk "/^T:/ && \$7 >= 990 { found = 1 } END { exit !found }"'

# Priority inheritance: a group gets stuck for good where it does not work.
t pi-stress-inversions 20 "pi_stress --inversions=50 --groups=$((cpus > 1 ? 2 : 1)) --quiet" 'awk "/^Total inversion/ { n = \$4 } END { exit !(n >= 50) }"'
t pi-stress-rr 20 'pi_stress --inversions=20 --groups=1 --rr --quiet' 'awk "/^Total inversion/ { n = \$4 } END { exit !(n >= 20) }"'
t pip-stress 20 'pip_stress' 'grep -qE "used priority inheritance|No inversion incurred"'

# Wake-ups across threads by a mutex, a signal, sigwait.
t ptsematest 10 'ptsematest -l 50 -q' 'grep -q "^#1 -> #0"'
t sigwaittest 10 'sigwaittest -l 50 -q' 'grep -q "^#1 -> #0"'
t signaltest 10 'signaltest -l 50 -q' 'grep -cE "^T: . .*C: *50 " | grep -q 2'
t rt-migrate-test 20 'rt-migrate-test -l 2' "grep -q '^ Task $cpus'" # one task more than CPUs, from 0

exit $failed
