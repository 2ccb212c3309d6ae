#!/bin/sh
# Puts the crates into the tarball that `meson dist` makes, so that it builds without a network: those of the product,
# of the probe, and of Rust's own library, which is built anew for the probe.
set -eu

cd "$MESON_DIST_ROOT"
library=$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.toml

mkdir -p .cargo
# As for building it: the library's manifest says what a stable cargo does not read.
RUSTC_BOOTSTRAP=1 cargo vendor --locked --versioned-dirs \
    --sync probe-ebpf/Cargo.toml --sync "$library" vendor >.cargo/config.toml
