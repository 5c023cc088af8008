#!/bin/sh
# expect_refusal.sh yes|no PROGRAM ARGUMENT...: whether the program refuses to measure, as one that was built
# without optimisation must, with exit code 1 and the remedy.
expected="$1"
shift
output="$("$@" 2>&1)"
code=$?
refused=no
case "$output" in
*"this is a Debug build"*CMAKE_BUILD_TYPE*) [ "$code" -eq 1 ] && refused=yes ;;
esac
[ "$refused" = "$expected" ] && exit 0
echo "refused: $refused, expected: $expected; exit code $code; its words: $output"
exit 1
