//! Executables that run whatever they are given: what one may do says nothing of what the next may.

use crate::Program;

/// Their names without versions.
const NAMES: &[&str] = &[
    "ash",
    "bash",
    "beam.smp",
    // It runs an executable of another architecture, as FEXInterpreter does.
    "box64",
    "bun",
    "busybox",
    "cjs",
    "clisp",
    "csh",
    "csi",
    "dart",
    "dash",
    "deno",
    "dotnet",
    "ecl",
    "electron",
    "elvish",
    "escript",
    "expect",
    "FEXInterpreter",
    "fish",
    "gawk",
    "gjs",
    "gjs-console",
    "godot",
    "gsi",
    "guile",
    "ipython",
    "java",
    "jjs",
    "jrunscript",
    "jshell",
    "julia",
    "kitty",
    "ksh",
    "ld",
    "ld.so",
    // musl's is its dynamic linker too.
    "libc.so",
    "lisp.run",
    "lldb",
    "love",
    "lua",
    "luahbtex",
    "luajit",
    "luatex",
    "lua-jit",
    "micropython",
    "mksh",
    "moar",
    "mono",
    "mono-sgen",
    "nu",
    "nw",
    "node",
    "nodejs",
    "nvim",
    "ocaml",
    "perl",
    "php",
    "php-cgi",
    "pwsh",
    "pypy",
    "python",
    "qjs",
    "qml",
    "qmlscene",
    "R",
    "racket",
    "rakudo",
    "rbash",
    "ruby",
    "sbcl",
    "scheme",
    "sclang",
    "sh",
    "swipl",
    "tcc",
    "tclsh",
    "tcsh",
    "toybox",
    "wine",
    "wine-preloader",
    "wish",
    "xonsh",
    "yash",
    "zsh",
];
/// Those of which each package has the file under another name, behind a `-` or a `.`: `emacs-gtk`, `vim.basic`.
const STEMS: &[&str] = &["emacs", "gdb", "gvim", "octave", "vim"];
/// The start of the name of emulators, which run an executable as dynamic linkers do, and what is behind it: an
/// architecture. Those of whole computers have a `system-` before that.
const EMULATOR: &str = "qemu-";
const ARCHITECTURES: &[&str] = &[
    "aarch64",
    "alpha",
    "arm",
    "cris",
    "hexagon",
    "hppa",
    "i386",
    "loongarch",
    "m68k",
    "microblaze",
    "mips",
    "nios2",
    "or1k",
    "ppc",
    "riscv",
    "s390x",
    "sh4",
    "sparc",
    "tilegx",
    "x86_64",
    "xtensa",
];
/// The start of the names of dynamic linkers, which run an executable as if it were their own:
/// `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`.
const LINKERS: &[&str] = &["ld-linux", "ld-musl"];

/// What the kernel puts around the names of files that are gone, and of memory that has none.
const GONE: &str = " (deleted)";
const MEMORY: &str = "memfd:";

/// Whether the program is one of them. Told by the name of its file: who can give a copy another name can
/// also make a program that does the same.
pub fn is_interpreter(program: &Program) -> bool {
    let name = program.shown_name();
    let name = name.strip_suffix(GONE).unwrap_or(name);
    let name = name.strip_prefix(MEMORY).unwrap_or(name);
    let stem = name.split_once(['-', '.']).map_or(name, |(stem, _)| stem);
    let emulates = |start: &str| name.strip_prefix(EMULATOR)?.strip_prefix(start);
    LINKERS.iter().any(|start| name.starts_with(start))
        || ARCHITECTURES.iter().any(|it| emulates(it).is_some())
        || STEMS.contains(&without_version(stem))
        || NAMES.contains(&name)
        || NAMES.contains(&without_version(name))
}

/// `python3.13` is a `python`, as are `python3.13t`, `perl5.40.1`, `wine64` and `node-22`.
fn without_version(name: &str) -> &str {
    let digit = name.find(|character: char| character.is_ascii_digit());
    let name = digit.map_or(name, |digit| name.split_at(digit).0);
    name.trim_end_matches(['-', '_', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_adds_to_a_name_is_no_part_of_it() {
        let is = |claim: &str| {
            is_interpreter(&Program::File {
                device: 1,
                inode: 2,
                claim: claim.into(),
            })
        };
        assert!(is("/usr/bin/bash (deleted)"));
        assert!(is("/memfd:busybox (deleted)"));
        assert!(!is("/memfd:curl (deleted)"));
    }

    #[test]
    fn versions_and_ways_to_build_are_no_part_of_a_name() {
        let is = |path: &str| is_interpreter(&Program::Path(path.into()));
        for path in [
            "/usr/bin/python3.13",
            "/usr/bin/python3.13t",
            "/usr/bin/perl",
            "/usr/bin/perl5.40.1",
            "/usr/lib/jvm/java-21-openjdk-amd64/bin/java",
            "/home/a/.nvm/versions/node/v22.1.0/bin/node",
            "/usr/bin/dash",
            "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            "/usr/lib/wine/wine64",
            "/usr/bin/tclsh8.6",
            "/usr/bin/lua5.4",
            "/usr/bin/emacs-gtk",
            "/usr/bin/emacs-nox",
            "/usr/bin/emacs-lucid",
            "/usr/bin/emacs-30.1",
            "/usr/bin/gdb-multiarch",
            "/usr/bin/octave-gui",
            "/usr/bin/octave-cli-9.4.0",
            "/usr/bin/vim.basic",
            "/usr/bin/vim.gtk3",
            "/usr/bin/vim",
            "/usr/bin/qemu-x86_64",
            "/usr/bin/qemu-aarch64-static",
            "/usr/bin/qemu-ppc64le",
            "/usr/lib/x86_64-linux-musl/libc.so",
            "/lib/ld-musl-x86_64.so.1",
            "/usr/lib/qt6/bin/qml",
            "/usr/bin/qmlscene6",
            "/usr/bin/box64",
            "/usr/bin/FEXInterpreter",
            "/usr/bin/love-11.5",
        ] {
            assert!(is(path), "{path}");
        }
        for path in [
            "/usr/bin/curl",
            "/usr/bin/nodeadm",
            "/usr/bin/7z",
            "/usr/bin/pythonic",
            "/usr/bin/ssh",
            "/usr/bin/shotwell",
            "/usr/bin/java-extras",
            "/usr/bin/emacsclient",
            "/usr/bin/vimdot",
            "/usr/bin/qemu-system-x86_64",
            "/usr/bin/qemu-img",
        ] {
            assert!(!is(path), "{path}");
        }
    }
}
