//! `package`: builds the Debian packages, in a Debian tree that has what debian/control says and not more.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::cache;
use crate::command_line::{PackageOptions, VmOptions};
use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::tree::{self, Tree};
use crate::vm::{self, Special};

/// What packages are not made of: changes there leave them as they are.
const LEFT_OUT: [&str; 9] = [
    ".ci",
    "flatpak",
    "fuzz",
    "tests/demo",
    "tests/lab",
    "tests/matrix",
    "tests/package",
    "tests/shots",
    "tests/system",
];
/// What building takes that no package depends on: what every builder has, and who looks at the packages.
const MORE_PACKAGES: [&str; 2] = ["build-essential", "lintian"];
/// The folders of the sources and of the finished packages, where packages are built.
const SOURCE: &str = "portreeve";
const DONE: &str = "done";
/// Builds the packages of the folder that it runs in, looks at them, and makes a repository for apt of them.
const SCRIPT: &str = "
rm -rf ../done ../*.deb ../*.changes ../*.buildinfo
dpkg-buildpackage --build=binary --no-sign
mkdir ../done
mv ../*.deb ../*.changes ../*.buildinfo ../done
cd ../done
lintian --allow-root --fail-on=error,warning,info --display-info --info *.changes
dpkg-scanpackages . > Packages
";
/// The file that says what the packages in target/package were made of.
const INPUTS: &str = "inputs";
/// How long installing, upgrading and removing may take altogether, in seconds.
const TEST_TIMEOUT: u64 = 1800;
/// Memory for a machine in which a desktop is started, in MiB.
const TEST_RAM: u32 = 3072;

/// Builds the packages; with `--twice` from nothing once more, and compares.
pub(crate) fn run(tree: &Tree, steps: &Steps, options: &PackageOptions) -> Result<ExitCode> {
    let packages = build(tree, steps)?;
    if options.twice {
        let again = tree.lab("package-again");
        cache::remove(&again)?;
        make(tree, steps, &again)?;
        steps.step("comparison", |_| compare(&packages, &again.join(DONE)))?;
        cache::remove(&again)?;
    }
    for package in packages_in(&packages)? {
        println!("{}", package.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs, upgrades, removes and purges the packages in a machine that has never seen Portreeve.
pub(crate) fn test(tree: &Tree, steps: &Steps) -> Result<bool> {
    let packages = build(tree, steps)?;
    let archive = tree.lab("packages.tar");
    // A machine that is running still reads the old archive: do not write over it.
    cache::remove(&archive)?;
    let mut tar = Command::new("tar");
    tar.args(["--create", "--owner=0", "--group=0"]);
    tar.args(["--transform=s,^\\.,lab/packages,", "--file"]);
    tar.arg(&archive).arg("--directory").arg(&packages).arg(".");
    steps.log("packages")?.run(&mut tar)?;
    let options = VmOptions {
        kernel: None,
        gui: false,
        ram: Some(TEST_RAM),
        timeout: TEST_TIMEOUT,
        script: vec!["tests/package/run".to_owned()],
    };
    let special = Special {
        instead: Some(archive),
        silence: Some(vm::SILENCE),
        ..Special::default()
    };
    Ok(vm::run_special(tree, steps, &options, &special)? == 0)
}

/// Returns the folder with the packages, which are built unless they are there.
fn build(tree: &Tree, steps: &Steps) -> Result<PathBuf> {
    let building = tree.lock("package")?;
    let packages = tree.target("package");
    let inputs = inputs(tree)?;
    if fs::read_to_string(packages.join(INPUTS)).is_ok_and(|it| it == inputs) {
        return Ok(packages);
    }
    let dir = tree.lab("package");
    make(tree, steps, &dir)?;
    tree::clear_dir(&packages)?;
    for file in files_in(&dir.join(DONE))? {
        let name = file.file_name().context("cannot name a file")?;
        fs::copy(&file, packages.join(name))
            .with_context(|| format!("cannot copy {}", file.display()))?;
    }
    fs::write(packages.join(INPUTS), inputs).context("cannot write target/package/inputs")?;
    drop(building);
    Ok(packages)
}

/// Builds the packages in `dir`, with whatever cargo has built there before.
fn make(tree: &Tree, steps: &Steps, dir: &Path) -> Result<()> {
    steps.step("sources", |_| place_sources(tree, &dir.join(SOURCE)))?;
    let preparing = tree.lock("prepare")?;
    let sandbox = enter(tree, steps, dir)?;
    drop(preparing);
    steps.step("packages", |log| {
        log.run(sandbox.command("sh").args(["-exc", SCRIPT]))
    })
}

fn enter(tree: &Tree, steps: &Steps, dir: &Path) -> Result<Sandbox> {
    let control = fs::read_to_string(tree.file("debian/control"));
    let control = control.context("cannot read debian/control")?;
    let mut packages = build_dependencies(&control);
    packages.extend(MORE_PACKAGES.map(str::to_owned));
    root::enter_apart(tree, steps, &packages, dir, SOURCE)
}

/// The packages that `Build-Depends` names, the first one where there is a choice.
fn build_dependencies(control: &str) -> Vec<String> {
    let mut lines = control.lines();
    let first = lines.find_map(|line| line.strip_prefix("Build-Depends:"));
    let more = lines.take_while(|line| line.starts_with(' '));
    let text: String = first.into_iter().chain(more).collect();
    let names = text
        .split(',')
        .filter_map(|it| it.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// The files that packages are made of, with their paths from the work tree's root.
fn sources(tree: &Tree) -> Result<Vec<PathBuf>> {
    let mut files = tree::files_of(tree, ".")?;
    files.retain(|file| !LEFT_OUT.iter().any(|it| file.starts_with(it)));
    Ok(files)
}

/// Changes when anything does that packages are made of.
fn inputs(tree: &Tree) -> Result<String> {
    let mut inputs = vec![SCRIPT.to_owned(), root::key(tree)?];
    for file in sources(tree)? {
        let bytes = fs::read(tree.file(&file))
            .with_context(|| format!("cannot read {}", file.display()))?;
        inputs.push(file.display().to_string());
        inputs.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    Ok(cache::key(&inputs))
}

/// Makes `dir` a copy of the sources; what is there already stays as it is, so that cargo does not take it
/// for new.
fn place_sources(tree: &Tree, dir: &Path) -> Result<()> {
    let wanted: BTreeSet<PathBuf> = sources(tree)?.into_iter().collect();
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    remove_others(dir, dir, &wanted)?;
    for file in &wanted {
        let (from, to) = (tree.file(file), dir.join(file));
        let parent = to.parent().context("cannot name a folder")?;
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        if is_same(&from, &to) {
            continue;
        }
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

/// Removes the files below `folder` that are not `wanted`, by their paths from `dir`.
fn remove_others(dir: &Path, folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in tree::entries(folder)? {
        let is_wanted = entry.strip_prefix(dir).is_ok_and(|it| wanted.contains(it));
        let is_folder = fs::symlink_metadata(&entry).is_ok_and(|it| it.is_dir());
        if is_folder {
            remove_others(dir, &entry, wanted)?;
        } else if !is_wanted {
            cache::remove(&entry)?;
        }
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let mode = |path: &Path| fs::metadata(path).map(|it| it.permissions());
    let (Ok(first), Ok(second)) = (fs::read(one), fs::read(other)) else {
        return false;
    };
    first == second && mode(one).ok() == mode(other).ok()
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = tree::entries(dir)?;
    files.retain(|it| it.is_file());
    files.sort();
    Ok(files)
}

fn packages_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = files_in(dir)?;
    files.retain(|it| it.extension().is_some_and(|it| it == "deb"));
    Ok(files)
}

/// Fails if the packages of two builds are not the same to the last byte.
fn compare(one: &Path, other: &Path) -> Result<()> {
    for package in packages_in(one)? {
        let name = package.file_name().context("cannot name a file")?;
        if !is_same(&package, &other.join(name)) {
            bail!(
                "{} is not the same as {}",
                package.display(),
                other.join(name).display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::build_dependencies;

    #[test]
    fn build_dependencies_are_those_of_the_source() {
        let control = "Source: a\nBuild-Depends:\n one (= 13),\n two | three,\n four\nHomepage: five\n\n\
                       Package: a\nDepends: six\n";
        assert_eq!(build_dependencies(control), ["one", "two", "four"]);
        assert_eq!(
            build_dependencies("Build-Depends: one, two\n"),
            ["one", "two"]
        );
    }
}
