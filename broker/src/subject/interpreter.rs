//! Executables that run whatever they are given: what one may do says nothing of what the next may.

use portreeve_policy::Program;

/// Their names without versions.
const NAMES: &[&str] = &[
    "ash",
    "bash",
    "beam.smp",
    "bun",
    "busybox",
    "cjs",
    "clisp",
    "csh",
    "dash",
    "deno",
    "dotnet",
    "electron",
    "elvish",
    "emacs",
    "escript",
    "expect",
    "fish",
    "gawk",
    "gdb",
    "gjs",
    "gjs-console",
    "guile",
    "ipython",
    "java",
    "jjs",
    "jshell",
    "julia",
    "ksh",
    "ld",
    "ld.so",
    "lisp.run",
    "lldb",
    "lua",
    "luahbtex",
    "luajit",
    "luatex",
    "lua-jit",
    "mksh",
    "mono",
    "mono-sgen",
    "nu",
    "node",
    "nodejs",
    "nvim",
    "ocaml",
    "octave-cli",
    "perl",
    "php",
    "php-cgi",
    "pwsh",
    "pypy",
    "python",
    "qjs",
    "R",
    "racket",
    "rbash",
    "ruby",
    "sbcl",
    "scheme",
    "sh",
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
/// The start of the names of dynamic linkers, which run an executable as if it were their own:
/// `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`.
const LINKERS: &[&str] = &["ld-linux", "ld-musl"];

/// Whether the program is one of them. Told by the name of its file: who can give a copy another name can
/// also make a program that does the same.
pub(super) fn is_interpreter(program: &Program) -> bool {
    let name = program.shown_name();
    LINKERS.iter().any(|start| name.starts_with(start))
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
    fn versions_are_no_part_of_a_name() {
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
        ] {
            assert!(!is(path), "{path}");
        }
    }
}
