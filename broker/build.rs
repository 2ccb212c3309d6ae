//! Builds the probe for the BPF target and hands its path to `probe/object.rs`.
//!
//! `PORTREEVE_PROBE_OBJECT` names a finished object instead (packages that build it separately).

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context, bail};

/// What bpf-linker 0.10.3 is to leave as it is: it makes everything internal, and then drops the arguments of
/// extern functions, and takes what no program writes for constant.
const EXPORTS: &str = "bpf_task_from_pid,bpf_task_acquire,bpf_task_release,bpf_get_task_exe_file,bpf_put_file,\
                       bpf_get_file_xattr,bpf_path_d_path,bpf_rcu_read_lock,bpf_rcu_read_unlock,\
                       bpf_preempt_disable,bpf_preempt_enable,LABELS,RUNS,SCRIPTS,CONFIG,ANSWERS";

const TARGET: &str = "bpfel-unknown-none";

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-env-changed=PORTREEVE_PROBE_OBJECT");
    let object = match env::var_os("PORTREEVE_PROBE_OBJECT") {
        Some(path) => PathBuf::from(path),
        None => build()?,
    };
    println!("cargo::rerun-if-changed={}", object.display());
    println!("cargo::rustc-env=PROBE_OBJECT={}", object.display());
    Ok(())
}

fn build() -> anyhow::Result<PathBuf> {
    let manifest_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let source = manifest_dir.join("../probe-ebpf").canonicalize()?;
    for path in ["src", "kernel", "build.rs", "Cargo.toml", "../abi/src"] {
        println!("cargo::rerun-if-changed={}", source.join(path).display());
    }
    if env::var("CARGO_CFG_TARGET_ENDIAN")? != "little" {
        bail!("cannot build the probe for a big-endian machine yet");
    }
    let arch = env::var("CARGO_CFG_TARGET_ARCH")?;
    let target_dir = PathBuf::from(env::var("OUT_DIR")?).join("probe");
    let flags = [
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        // Comparisons of 32 bits, and atomic operations that return something: Linux 5.12.
        "-Ctarget-cpu=v3".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        format!("-Clink-arg=--export={EXPORTS}"),
        // The object names its sources, for the verifier's log; where they were on the builder's computer is nobody's
        // business, and would make each computer's object another one.
        format!("--remap-path-prefix={}=probe-ebpf", source.display()),
    ];
    let status = Command::new(env::var("CARGO")?)
        .current_dir(&source)
        .args([
            "build",
            "--release",
            "--locked",
            "-Z",
            "build-std=core",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target_dir)
        // `-Z build-std` on the pinned stable compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env_remove("CARGO_TARGET_DIR")
        // Those of packages are for the processor that the broker runs on.
        .env_remove("CFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .status()
        .context("cannot run cargo for the probe")?;
    if !status.success() {
        bail!("cannot build the probe: it needs clang and bpf-linker 0.10.3 on the PATH");
    }
    Ok(target_dir.join(TARGET).join("release/probe"))
}
