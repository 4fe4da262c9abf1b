#!/bin/sh
# Make the shipped samples again: sh traces/samples/programs/record.sh [FOLDER]   (about five minutes)
# Needs gcc, valgrind, zstd, awk and the command dse. Addresses and counts depend a little on the versions of the
# compiler, the C library and valgrind; README.md says with which the shipped ones were made.
set -eu

programs=$(cd "$(dirname "$0")" && pwd)
samples=${1:-$(dirname "$programs")}
samples=$(cd "$samples" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export LC_ALL=C

for name in sort matmul bfs join stencil; do
    gcc -O3 -o "$name" "$programs/$name.c"
done

awk 'BEGIN {
    n = split("the memory row bank column refresh page open closed queue read write burst channel rank cycle " \
              "latency energy power trace agent design search front", word, " ")
    srand(2)
    for (i = 0; i < 60000; i++) {
        line = ""
        for (k = 0; k < 8; k++) line = line word[1 + int(n * rand() * rand())] " "
        print line int(rand() * 1000000)
    }
}' > words.txt

record() { # name, cycles an instruction, skipped instructions, requests, program
    name=$1 cpi=$2 skip=$3 requests=$4
    shift 4
    dse trace record --name "$name" -o "$samples/$name.npz" --core-mhz 3000 --cpi "$cpi" \
        --cache 16:4,128:8 --skip-instructions "$skip" --max-requests "$requests" -- "$@"
}

record sort 0.65 6000000 140000 ./sort 18
record matmul 0.5 4000000 160000 ./matmul 512
record bfs 3.2 10150000 116000 ./bfs 17
record join 1.1 6300000 115000 ./join 17
record stencil 1.3 9600000 160000 ./stencil 768 8
record compress 0.7 2000000 135000 zstd --single-thread -q -3 -c words.txt
