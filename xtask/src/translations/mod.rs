//! `translations`: brings the template and the translations up to date with the sources, and says what is wrong with
//! them; `lint` says that too.

mod catalog;
mod pseudo;
mod rules;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::root;
use crate::sandbox::{Sandbox, Translations};
use crate::step::{Log, Steps};
use crate::tree::{self, Tree};

/// The language of pictures that show which text is not translated: English with accents, and longer.
const PSEUDO: &str = "en_XA";
/// Where all languages can be chosen by `LANGUAGE`.
pub(crate) const LOCALE: &str = "en_US.UTF-8";
const TEMPLATE: &str = "po/portreeve.pot";
const LISTED_FILES: &str = "po/POTFILES.in";
const LANGUAGES: &str = "po/LINGUAS";
/// Changes whenever the template is made, and says nothing that git does not.
const DATE: &str = "\"POT-Creation-Date:";

/// Writes what the sources say into the template and all translations, and checks them.
pub(crate) fn run(tree: &Tree, steps: &Steps) -> Result<ExitCode> {
    let preparing = tree.lock("prepare")?;
    let sandbox = root::enter(tree, steps)?;
    drop(preparing);
    steps.step("list of files", |log| {
        log.run(sandbox.command("sh").arg("build-aux/potfiles.sh"))
    })?;
    steps.step("template", |log| {
        let template = template(tree, &sandbox, log)?;
        fs::write(tree.file(TEMPLATE), template).context("cannot write the template")
    })?;
    steps.step("translations", |log| {
        languages(tree)?.iter().try_for_each(|language| {
            let mut merge = sandbox.command("msgmerge");
            merge.args(["--quiet", "--update", "--backup=none", "--previous"]);
            merge.args(["--add-location=file", &po(language), TEMPLATE]);
            log.run(&mut merge)
        })
    })?;
    steps.step("check", |log| check(tree, &sandbox, log))?;
    Ok(ExitCode::SUCCESS)
}

/// Checks the template and all translations, and names everything that is wrong.
pub(crate) fn check(tree: &Tree, sandbox: &Sandbox, log: &mut Log) -> Result<()> {
    let mut potfiles = sandbox.command("sh");
    log.run(potfiles.args(["build-aux/potfiles.sh", "--check"]))
        .context("po/POTFILES.in is stale: ./x translations writes it")?;
    let template = template(tree, sandbox, log)?;
    if read(tree, TEMPLATE)? != template {
        bail!("{TEMPLATE} is stale: ./x translations writes it");
    }
    let expected = catalog::entries(&template)?;
    let languages = languages(tree)?;
    let mut mistakes = files_without_language(tree, &languages)?;
    for language in &languages {
        let path = po(language);
        let mut check = sandbox.command("msgfmt");
        check.args(["--check", "--output-file=/dev/null", &path]);
        if log.run(&mut check).is_err() {
            mistakes.push(format!("{path}: msgfmt does not take it"));
            continue;
        }
        let found = mistakes_of(language, &expected, &read(tree, &path)?);
        let found = found.with_context(|| format!("cannot read {path}"))?;
        mistakes.extend(found.iter().map(|mistake| format!("{path}: {mistake}")));
    }
    if !mistakes.is_empty() {
        bail!("translations have mistakes:\n{}", mistakes.join("\n"));
    }
    Ok(())
}

/// Compiles the translations, for [`Sandbox::with_translations`].
pub(crate) fn compile(tree: &Tree, sandbox: &Sandbox, log: &mut Log) -> Result<Translations> {
    let folder = tree.lab("translations");
    tree::clear_dir(&folder)?;
    let catalogs = folder.join("catalogs");
    let mut compile = |language: &str, po: &Path| -> Result<()> {
        let place = catalogs.join(language).join("LC_MESSAGES");
        tree::clear_dir(&place)?;
        let mut msgfmt = sandbox.command("msgfmt");
        msgfmt.arg("--output-file").arg(place.join("portreeve.mo"));
        log.run(msgfmt.arg(po))
    };
    for language in languages(tree)? {
        compile(&language, &tree.file(po(&language)))?;
    }
    let entries = catalog::entries(&read(tree, TEMPLATE)?)?;
    let pseudo = folder.join("pseudo.po");
    fs::write(&pseudo, pseudo::translation(&entries)).context("cannot write a translation")?;
    compile(PSEUDO, &pseudo)?;
    let locales = folder.join("locales");
    tree::clear_dir(&locales)?;
    // All but the name is that of C.
    symlink("/usr/lib/locale/C.utf8", locales.join("en_US.utf8"))
        .context("cannot make a locale")?;
    Ok(Translations { catalogs, locales })
}

/// What the template has to be.
fn template(tree: &Tree, sandbox: &Sandbox, log: &mut Log) -> Result<String> {
    let (rust, others): (Vec<_>, Vec<_>) = listed(tree, LISTED_FILES)?
        .into_iter()
        .partition(|path| is_rust(path));
    // xgettext takes templates as well.
    let mut of_rust =
        "msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n\"\n\n".to_owned();
    for path in &rust {
        let messages = source::messages(&read(tree, path)?).with_context(|| path.clone())?;
        of_rust += &source::template(path, &messages);
    }
    let place = tree.lab("rust.pot");
    fs::write(&place, of_rust).context("cannot write a template")?;
    let mut xgettext = sandbox.command("env");
    // Where it learns what is to be translated in the policy.
    xgettext.args(["GETTEXTDATADIRS=po", "xgettext", "--from-code=UTF-8"]);
    xgettext.args(["--add-comments=Translators", "--add-location=file"]);
    xgettext.args([
        "--package-name=Portreeve",
        "--copyright-holder=The Portreeve authors",
    ]);
    xgettext.arg("--msgid-bugs-address=https://github.com/portreeve/portreeve/issues");
    xgettext.arg("--output=-").arg(&place).args(&others);
    let template = log.read(&mut xgettext)?;
    let lines = template.split_inclusive('\n');
    Ok(lines.filter(|line| !line.starts_with(DATE)).collect())
}

/// What is wrong with a translation, of a template with these entries.
fn mistakes_of(language: &str, template: &[catalog::Entry], file: &str) -> Result<Vec<String>> {
    let entries = catalog::entries(file)?;
    let keys = |entries: &[catalog::Entry]| -> BTreeSet<_> {
        let owned = entries.iter().map(|entry| format!("{:?}", entry.key()));
        owned.collect()
    };
    let mut mistakes = Vec::new();
    if keys(template) != keys(&entries) {
        mistakes.push("is stale: ./x translations writes what is new into it".to_owned());
    }
    let texts = entries.iter().filter(|entry| !entry.is_header());
    mistakes.extend(texts.flat_map(|entry| rules::mistakes(language, entry)));
    Ok(mistakes)
}

/// The translations that are not in the list of languages.
fn files_without_language(tree: &Tree, languages: &[String]) -> Result<Vec<String>> {
    let mut mistakes = Vec::new();
    for path in tree::files_of(tree, "po")? {
        let language = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_listed = languages.iter().any(|listed| *listed == language);
        if path.extension().is_some_and(|it| it == "po") && !is_listed {
            mistakes.push(format!("{}: is not in {LANGUAGES}", path.display()));
        }
    }
    if !languages.is_sorted() {
        mistakes.push(format!("{LANGUAGES}: is not sorted"));
    }
    Ok(mistakes)
}

fn languages(tree: &Tree) -> Result<Vec<String>> {
    listed(tree, LANGUAGES)
}

/// The lines of a list, comments left out.
fn listed(tree: &Tree, path: &str) -> Result<Vec<String>> {
    let text = read(tree, path)?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "rs")
}

fn po(language: &str) -> String {
    format!("po/{language}.po")
}

fn read(tree: &Tree, path: &str) -> Result<String> {
    fs::read_to_string(tree.file(path)).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without xgettext: that it reads what it is given is not what could go wrong.
    #[test]
    fn the_template_has_every_text_of_the_sources() {
        let tree = Tree::find().unwrap();
        let entries = catalog::entries(&read(&tree, TEMPLATE).unwrap()).unwrap();
        let mut count = 0;
        for path in listed(&tree, LISTED_FILES).unwrap() {
            if !is_rust(&path) {
                continue;
            }
            for message in source::messages(&read(&tree, &path).unwrap()).unwrap() {
                let key = (None, message.text.as_str(), message.plural.as_deref());
                let has = entries.iter().any(|entry| entry.key() == key);
                assert!(has, "{path}: {message:?}");
                count += 1;
            }
        }
        assert!(count > 400, "only {count} texts were found");
    }

    #[test]
    fn what_a_translation_lacks_or_has_too_much_is_seen() {
        let template = "msgid \"a.\"\nmsgstr \"\"\n\nmsgid \"b\"\nmsgstr \"\"\n";
        let template = catalog::entries(template).unwrap();
        let mistakes = |file: &str| mistakes_of("de", &template, file).unwrap().len();
        let whole = "msgid \"a.\"\nmsgstr \"A.\"\n\nmsgid \"b\"\nmsgstr \"B\"\n";
        assert_eq!(mistakes(whole), 0);
        assert_eq!(mistakes("msgid \"a.\"\nmsgstr \"A.\"\n"), 1);
        assert_eq!(
            mistakes(&format!("{whole}\nmsgid \"c\"\nmsgstr \"C\"\n")),
            1
        );
        assert_eq!(mistakes(&whole.replace("A.", "A")), 1);
        assert_eq!(mistakes(&whole.replace("\"B\"", "\"\"")), 1);
    }
}
