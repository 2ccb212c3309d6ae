//! Compiles the C part to bitcode, which bpf-linker then links with the Rust part.

fn main() {
    println!("cargo::rerun-if-changed=kernel");
    // As the Rust part's are: see --remap-path-prefix in broker/build.rs.
    let here = env!("CARGO_MANIFEST_DIR");
    let objects = cc::Build::new()
        .compiler("clang")
        .no_default_flags(true)
        .file("kernel/shim.c")
        .file("kernel/run.c")
        .file("kernel/names.c")
        .file("kernel/image.c")
        .flag("-O2")
        .flag("-g")
        .flag(format!("-ffile-prefix-map={here}=probe-ebpf"))
        .flag("-Wall")
        .flag("-Werror")
        .flag("-emit-llvm")
        .flag("--target=bpf")
        .flag("-mcpu=v3")
        .compile_intermediates();
    for object in objects {
        println!("cargo::rustc-link-arg={}", object.display());
    }
}
