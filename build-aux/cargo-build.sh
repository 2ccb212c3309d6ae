#!/bin/sh
# Usage: cargo-build.sh SOURCE OUTPUT PROFILE --package=… --bin=NAME …
#
# Builds the programs with cargo and puts them into the directory OUTPUT, for meson. cargo's own
# variables are respected: CARGO_TARGET_DIR, CARGO_NET_OFFLINE, CARGO_HOME. CARGO_BUILD is what to call instead of
# cargo build, such as "cargo auditable build".
set -eu

source=$1
output=$2
profile=$3
shift 3

target=${CARGO_TARGET_DIR:-$output/cargo}
case $target in
    /*) ;;
    *) target=$PWD/$target ;;
esac
export CARGO_TARGET_DIR="$target"

# cargo keeps what the profile "dev" makes under another name.
case $profile in
    dev) folder=debug ;;
    *) folder=$profile ;;
esac

# rustup finds the pinned toolchain from here.
cd "$source"
${CARGO_BUILD:-cargo build} --locked --profile "$profile" "$@"

for argument in "$@"; do
    case $argument in
        --bin=*) install -m 755 "$target/${CARGO_BUILD_TARGET:-}/$folder/${argument#--bin=}" "$output" ;;
    esac
done
