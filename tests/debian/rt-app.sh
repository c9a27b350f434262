# SPDX-License-Identifier: Apache-2.0
# Debian's rt-app as it comes, with workloads of its own format; prints KTAP. t as in rt-tests.sh.
for applet in awk cat grep sed timeout; do busybox ln -s busybox /bin/$applet; done
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

# task NAME RUNTIME RUN PERIOD: a deadline thread, microseconds. To run is to execute so many instructions, which
# several busy CPUs of a deterministic machine would share: it has one.
task() {
  echo "\"$1\": {\"policy\": \"SCHED_DEADLINE\", \"dl-runtime\": $2, \"dl-period\": $4, \"dl-deadline\": $4, \"run\": $3,"
  echo " \"timer\": {\"ref\": \"unique\", \"period\": $4, \"mode\": \"absolute\"}},"
}
# The tasks that it reads, and two hogs.
set_of() {
  echo '{"global": {"duration": 1, "calibration": "CPU0", "default_policy": "SCHED_OTHER", "logdir": "/tmp",'
  echo ' "log_basename": "log", "gnuplot": false, "ftrace": false, "lock_pages": false}, "tasks": {'
  cat
  echo '"hog": {"instance": 2, "run": 1000}}}'
}
{ task d60 20000 18000 60000; task d80 36000 33000 80000; task d90 5000 4400 90000; } | set_of >/tmp/three.json
task d60 20000 18000 60000 | set_of >/tmp/one.json

# jobs COUNT LATE: so many at least, none of which ends after its period, or wakes up later than so many microseconds
jobs() {
  echo "awk '\$1 ~ /^[0-9]+\$/ { jobs++; if (\$8 < 0 || \$11 > $2) bad = 1 } END { exit !(jobs >= $1 && !bad) }'"
}

# Property O06 with the set of D08; who has an earlier deadline goes first.
t deadline-set 30 'rt-app /tmp/three.json && cat /tmp/log-d*.log' "$(jobs 30 61000)"
# Within a tick.
t deadline-before-hogs 30 'rm /tmp/log-*; rt-app /tmp/one.json && cat /tmp/log-d*.log' "$(jobs 15 4000)"

exit $failed
