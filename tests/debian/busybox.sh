# SPDX-License-Identifier: Apache-2.0
# Debian's busybox as it comes: each applet and each piece of the shell does a job whose answer is known. Run by its
# own shell (`busybox sh busybox.sh`), here or on the kernel; prints KTAP.
#   t NAME 'COMMANDS' 'OUTPUT'        what COMMANDS write, errors too, and `[N]` behind it when they end with N > 0
work=${TMPDIR:-/tmp}/busybox.$$
bin=$work/bin
mkdir -p "$bin"
busybox --install -s "$bin" || exit 1
export PATH=$bin LC_ALL=C TZ=UTC
number=0 failed=0

t() {
  number=$((number + 1))
  mkdir -p "$work/$number"
  got=$(cd "$work/$number" && sh -c "$2" 2>&1 </dev/null || echo "[$?]")
  if [ "$got" = "$3" ]; then
    echo "ok $number $1"
  else
    failed=1
    printf '%s\n' "expected:" "$3" "got:" "$got" | sed 's/^/# /'
    echo "not ok $number $1"
  fi
}

echo 'KTAP version 1'
echo "1..$(grep -c '^t ' "$0")"

# Files
t echo 'echo a  "b  c"; echo -n x; echo -e "\ty"' 'a b  c
x	y'
t cat 'printf "one\ntwo\n" >f; cat f - f <f | cat -n' '     1	one
     2	two
     3	one
     4	two
     5	one
     6	two'
t ls 'touch b a .c; mkdir d; ls; ls -a; ls -d d; ls none' 'a
b
d
.
..
.c
a
b
d
d
ls: none: No such file or directory
[1]'
t ls-long 'printf 12345 >f; chmod 640 f; ln -s f l; ls -l | tail -n +2 | cut -c1-10; ls -l f | tr -s " " | cut -d" " -f5' '-rw-r-----
lrwxrwxrwx
5'
t cp 'mkdir -p d/e; echo x >d/e/f; cp -r d g; cat g/e/f; cp g/e/f h && cmp h d/e/f && echo same' 'x
same'
t mv 'echo x >a; mv a b; cat b; mkdir d; mv b d; ls d; mv d e; ls e; cat a' 'x
b
b
cat: can'\''t open '\''a'\'': No such file or directory
[1]'
t rm 'mkdir -p d/e/f; touch d/x; rm -r d; ls; rm none; rm -f none; mkdir g; rm g' 'rm: can'\''t remove '\''none'\'': No such file or directory
rm: '\''g'\'' is a directory
[1]'
t mkdir-rmdir 'mkdir a; mkdir a; mkdir -p b/c; rmdir b; rmdir -p b/c; ls' 'mkdir: can'\''t create directory '\''a'\'': File exists
rmdir: '\''b'\'': Directory not empty
a'
t ln 'echo x >f; ln f g; ln -s f h; readlink h; cat g h; stat -c %h f; rm f; cat g; cat h' 'f
x
x
2
x
cat: can'\''t open '\''h'\'': No such file or directory
[1]'
t touch-stat 'touch -d "2001-02-03 04:05:06" f; stat -c "%s %Y %F" f; chmod 4751 f; stat -c %a f' '0 981173106 regular empty file
4751'
t dd 'seq 1000 >f; dd if=f bs=10 skip=2 count=3 2>/dev/null | od -c | head -n 2; dd if=/dev/zero bs=1k count=64 2>/dev/null | wc -c' '0000000  \n   1   1  \n   1   2  \n   1   3  \n   1   4  \n   1   5  \n
0000020   1   6  \n   1   7  \n   1   8  \n   1   9  \n   2   0
65536'
t truncate 'truncate -s 10000 f; stat -c %s f; echo end >>f; truncate -s 10003 f; tail -c 3 f; wc -c <f' '10000
end10003'
t find 'mkdir -p a/b c; touch a/x.c a/b/y.c c/z.h; find . -name "*.c" | sort; find . -type d | wc -l; find c -type f -exec echo got {} \;' './a/b/y.c
./a/x.c
4
got c/z.h'
t xargs 'seq 7 | xargs -n 3 echo; echo a b | xargs -I{} echo "<{}>"; seq 2000 | xargs | wc -w' '1 2 3
4 5 6
7
<a b>
2000'
t mktemp-realpath 'd=$(mktemp -d ./m.XXXXXX); test -d $d && echo made; mkdir a; ln -s a b; basename $(realpath b); dirname /x/y/z' 'made
a
/x/y'
t du-df 'dd if=/dev/zero of=f bs=4k count=4 2>/dev/null; du -k f | cut -f1' '16'
t cmp-diff 'seq 5 >a; seq 5 | sed s/3/x/ >b; cmp a b; diff a b' 'a b differ: char 5, line 3
--- a
+++ b
@@ -1,5 +1,5 @@
 1
 2
-3
+x
 4
 5
[1]'
t which-env 'env -i A=1 B="2 3" env; which true >/dev/null && echo found' 'A=1
B=2 3
found'

# Text
t grep 'printf "one\ntwo\nthree\n" >f; grep -n t f; grep -c e f; grep -vE "^(one|two)$" f; grep -q four f' '2:two
3:three
2
three
[1]'
t sed 'seq 5 | sed -n "2p;4,\$s/\(.\)/<\1>/p"; echo hello | sed "s/l/L/g;y/he/HE/"; echo x >f; sed -i s/x/y/ f; cat f' '2
<4>
<5>
HELLo
y'
t awk 'seq 10 | awk "{ s += \$1; if (\$1 % 2) odd[n++] = \$1 } END { print s, n, odd[2]; printf \"%.3f %s\n\", s / 7, toupper(\"abc\") }"' '55 5 5
7.857 ABC'
t awk-float 'awk "BEGIN { printf \"%.10f %g %d\n\", 22 / 7, 1e-5 * 3, 7 % 4; print substr(\"runnel\", 2, 3), length(\"abcd\") }"' '3.1428571429 3e-05 3
unn 4'
t sort-uniq 'printf "b 2\na 10\nb 2\nc 1\n" >f; sort f | uniq -c | tr -s " "; sort -k2 -n -r f | head -n 1; sort -u f | wc -l' ' 1 a 10
 2 b 2
 1 c 1
a 10
3'
t sort-large 'seq 20000 | sort -r | sort -n | md5sum; seq 20000 | md5sum' 'e071f707df7bbeee2a6a1eb48011ddd0  -
e071f707df7bbeee2a6a1eb48011ddd0  -'
t wc 'printf "a b\nc\n" | wc; seq 100 | wc -l' '        2         3         6
100'
t head-tail 'seq 20 >f; head -n 2 f; tail -n 2 f; tail -n +19 f; head -c 3 f | od -An -tx1' '1
2
19
20
19
20
 31 0a 32'
t cut-paste-tr 'seq 3 >a; seq 4 6 >b; paste -d: a b | cut -d: -f2; echo Hello | tr a-z A-Z; echo aabbc | tr -s ab' '4
5
6
HELLO
abc'
t tee-rev-tac 'echo abc | tee f | rev; cat f; seq 3 | tac; echo 1234567 | fold -w 3; printf "a\tb\n" | expand -t 4' 'cba
abc
3
2
1
123
456
7
a   b'
t nl 'seq 2 | nl' '     1	1
     2	2'
t hexdump-strings 'printf "\001ABCD\002efghi\n" >f; strings f; hexdump -C f | head -n 1; od -tx2 -An f | head -n 1' 'ABCD
efghi
00000000  01 41 42 43 44 02 65 66  67 68 69 0a              |.ABCD.efghi.|
 4101 4342 0244 6665 6867 0a69'

# Sums and archives
t md5sum 'printf abc >f; md5sum f; md5sum f >s; md5sum -c s' '900150983cd24fb0d6963f7d28e17f72  f
f: OK'
t sha 'printf abc | sha1sum; printf abc | sha256sum; printf abc | sha512sum | cut -c1-16' 'a9993e364706816aba3e25717850c26c9cd0d89d  -
ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -
ddaf35a193617aba'
t gzip 'seq 5000 >f; cp f g; gzip g; test $(stat -c %s g.gz) -lt 15000 && echo small; gunzip -c g.gz | cmp - f && echo same; zcat g.gz | tail -n 1' 'small
same
5000'
t bzip2-xz 'seq 3000 | bzip2 | bunzip2 | tail -n 1; seq 3000 | gzip -9 | zcat | wc -l' '3000
3000'
t tar 'mkdir -p d/e; seq 100 >d/a; echo x >d/e/b; ln -s a d/l; tar cf t.tar d; tar tf t.tar | sort; mkdir o; tar xf t.tar -C o; cat o/d/l | tail -n 1; tar czf t.tgz d; tar xzOf t.tgz d/e/b' 'd/
d/a
d/e/
d/e/b
d/l
100
x'
t cpio 'mkdir d; echo x >d/f; find d | cpio -o -H newc 2>/dev/null >c; rm -r d; cpio -id <c 2>/dev/null; cat d/f' 'x'
t base64-uuencode 'echo runnel | base64; echo cnVubmVsCg== | base64 -d' 'cnVubmVsCg==
runnel'

# Numbers, names, time
t seq 'seq 3; seq 2 4 10 | tr "\n" " "; seq -s, 5 -2 1' '1
2
3
2 6 10 5,3,1'
t expr 'expr 3 + 4 \* 2; expr length hello; expr abc : "a\(.\)c"; expr 1 = 2' '11
5
b
0
[1]'
t test 'test 3 -lt 10 && [ abc != abd ] && [ -z "" -a -d . ] && echo yes; [ -f . ]' 'yes
[1]'
t printf 'printf "%5d|%-5s|%05.1f|%x|%b\n" 42 ab 3.14159 255 "a\tb"' '   42|ab   |003.1|ff|a	b'
t bc-dc 'echo "2^64; scale=5; 1/7" | bc; echo "3 4 + p" | dc' '18446744073709551616
.14285
7'
t date 'date -u -d @0 "+%Y-%m-%d %H:%M:%S"; test $(date +%s) -gt 0 && echo "after 1970"; cal 2 2024 | tail -n 2 | head -n 1' '1970-01-01 00:00:00
after 1970
25 26 27 28 29'
t uname 'uname -s; test -n "$(uname -r)" && uname -m | grep -cE "^(x86_64|aarch64)$"' 'Linux
1'
t id 'test "$(id -u)" -ge 0 && id -u | grep -cE "^[0-9]+$"; test "$(id)" && echo said' '1
said'
t factor-shuf 'factor 360; seq 100 | shuf | sort -n | md5sum; seq 100 | md5sum' '360: 2 2 2 3 3 5
d632eba71107bf7bc3ec423eab256d78  -
d632eba71107bf7bc3ec423eab256d78  -'

# Processes
t ps 'exec 2>/dev/null; sleep 100 & sleep 0.05; ps -o pid,args | grep -c "^ *$! sleep 100"; kill $!; wait $!' '1
[143]'
t kill 'exec 2>/dev/null; sleep 100 & p=$!; kill -0 $p && echo there; kill -TERM $p; wait $p; echo $?; kill -0 $p 2>/dev/null || echo gone; kill -l 9' 'there
143
gone
KILL'
t sleep 'a=$(cut -d" " -f1 /proc/uptime); sleep 0.2; b=$(cut -d" " -f1 /proc/uptime); echo "$a $b" | awk "{ print (\$2 - \$1 >= 0.19) }"' '1'
t timeout 'timeout 0.2 sleep 100; echo $?; timeout 10 true; echo $?; timeout -s KILL 0.2 sleep 100; echo $?' 'Terminated
143
0
Killed
137'
t renice 'usleep 1000; { time true; } 2>&1 | grep -c real; renice -n 40 $$ && cut -d" " -f19 /proc/$$/stat' '1
19'
t pidof 'exec 2>/dev/null; sleep 99 & sleep 0.05; pidof sleep | grep -cw $!; kill $!; wait $!' '1
[143]'
t setsid-nohup 'setsid sh -c "echo new; test \$(cut -d\" \" -f6 /proc/self/stat) = \$\$ && echo leader"' 'new
leader'
t proc 'cut -d" " -f2 /proc/self/stat; cat /proc/self/cmdline | tr "\0" " "; readlink /proc/self/fd/0' '(cut)
cat /proc/self/cmdline /dev/null'
t dev 'echo x >/dev/null; cat /dev/null; head -c 5 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c' ' 00 00 00 00 00
8'
t free-uptime 'free | grep -c Mem; uptime | grep -c load; nproc | grep -cE "^[0-9]+$"' '1
1
1'

# The shell
t pipes 'seq 1000 | grep 7 | sed s/7/x/ | awk "{ n++ } END { print n }"; false | true; echo $?; yes | head -n 3' '271
0
y
y
y'
t pipe-large 'dd if=/dev/zero bs=64k count=64 2>/dev/null | cat | cat | wc -c; yes | head -c 1000000 | md5sum' '4194304
08ae78c6517d89241208de2211996ae8  -'
t sigpipe 'yes | head -n 1; set -o pipefail; yes | true; echo $?' 'y
141'
t loops 'for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done; n=0; while :; do n=$((n + 1)); [ $n -ge 5 ] && break; done; echo $n; until [ $n = 7 ]; do n=$((n + 1)); done; echo $n' '1
3
5
7'
t arithmetic 'echo $(( (3 + 4) * 5 % 6 - (1 << 10) )) $((0x1f)) $((-7 / 2)); x=5; : $((x += 2)); echo $x' '-1019 31 -3
7'
t functions 'f() { local a=$1; [ $a -le 1 ] && { echo 1; return; }; echo $((a * $(f $((a - 1))))); }; f 7' '5040'
t case-globs 'touch a1 b2 c3; for f in [ab]*; do case $f in a?) echo A;; *) echo other $f;; esac; done; echo *3' 'A
other b2
c3'
t expansion 'x=/usr/lib/file.tar.gz; echo ${x##*/} ${x%.*} ${#x} ${y:-none} ${x/lib/bin}; set -- a "b c" d; echo $# "$2"; shift; echo "$*"' 'file.tar.gz /usr/lib/file.tar 20 none /usr/bin/file.tar.gz
3 b c
b c d'
t here-documents 'x=5; cat <<END; cat <<"END"; wc -l <<END
a $x $((x * 2))
END
b $x
END
1
2
END' 'a 5 10
b $x
2'
t redirections 'echo out >f; echo more >>f; { echo e >&2; echo o; } >g 2>&1; cat f g; ls none 2>/dev/null; exec 3<f; read l <&3; echo "$l"; read l <&3; echo "$l"' 'out
more
e
o
out
more'
t background 'for i in 1 2 3; do (sleep 0.0$i; echo $i) & done; wait; echo done; false & wait $!; echo $?; (exit 7) & wait $!; echo $?' '1
2
3
done
1
7'
t traps 'trap "echo got usr1" USR1; trap "echo bye" EXIT; kill -USR1 $$; (trap - EXIT; exit 3); echo $?; sh -c "kill -9 \$\$"; echo $?' 'got usr1
3
Killed
137
bye'
t trap-wait 'trap "echo term; kill \$p; exit 5" TERM; (sleep 0.1; kill -TERM $$) & sleep 100 & p=$!; wait $p; echo not here' 'term
[5]'
t subshells 'x=1; (x=2; echo $x); echo $x; y=$(echo a; echo b); echo "$y" | wc -l; { x=3; }; echo $x; cd / && (cd /tmp; pwd); pwd' '2
1
2
3
/tmp
/'
t errexit 'set -e; true; ! false; if false; then :; fi; echo on; sh -ec "false; echo off"; echo never' 'on
[1]'
t mkfifo 'mkfifo p; test -p p && stat -c %F p; rm p; test -e p' 'fifo
[1]'
t exec-missing './nothing; echo $?; nothing; echo $?; echo "#!/bin/none" >f; chmod +x f; ./f; echo $?' 'sh: ./nothing: not found
127
sh: nothing: not found
127
sh: ./f: not found
127'
t script 'printf "#!%s -e\necho \"args \$# \$1\"\n" $(which sh) >s; chmod +x s; ./s one two; chmod -x s; ./s; echo $?' 'args 2 one
sh: ./s: Permission denied
126'
t many-processes 'i=0; while [ $i -lt 50 ]; do /bin/true 2>/dev/null || busybox true; i=$((i + 1)); done; echo $i; seq 20 | xargs -n 1 -P 4 sh -c "exit 0"; echo $?' '50
0'
t read-lines 'printf "a b c\nd\\\\ e\n" | while read -r x y; do echo "$x|$y"; done; IFS=: read a b <<END
1:2:3
END
echo $b' 'a|b c
d\|e
2:3'

[ $failed = 0 ] && rm -rf "$work"
exit $failed
