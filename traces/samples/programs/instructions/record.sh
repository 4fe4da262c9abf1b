#!/bin/sh
# Make the instruction samples again: sh traces/samples/programs/instructions/record.sh [FOLDER]   (about a minute)
# Compiles each program as said below and records what it does between region_begins and region_ends.
# Needs gcc, valgrind and the command dse with its extra `record`. The programs are statically linked and lie at fixed
# addresses, and the environment is empty, so that two runs give equal files. Another compiler gives other instructions;
# ../../README.md says with which the shipped ones were made.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=$(cd "${1:-$here/../../instructions}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dse=$(command -v dse)
cd "$work"

# sample SOURCE NAME "COMPILER FLAGS" [OPTIONS OF dse trace record]
sample() {
    source=$1 name=$2 flags=$3
    shift 3
    gcc $flags -static -no-pie -o "$source" "$here/$source.c"
    env -i PATH="$PATH" "$dse" trace record --instructions --from region_begins --to region_ends \
        --name "$name" --output "$target/$name.npz" --max-instructions 10000000 "$@" -- "./$source"
}

for tile in "" 8 16; do
    for level in "o0 -O0" "o2 -O2 -fno-tree-vectorize" "o3 -O3" "avx2 -O3 -mavx2 -mfma"; do
        name=product-${level%% *}${tile:+-tile$tile}
        sample product "$name" "${level#* }${tile:+ -DTILE=$tile}"
    done
done
sample quicksort quicksort -O2 --max-instructions 500000
sample walk walk -O2 --skip 200000 --max-instructions 400000
sample chase chase -O2
sample hashjoin hashjoin -O2
sample parser parser -O2
