//! Rules by who has started a program: the files of those are found beside the loop, and count when they are.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use portreeve_dbus::RuleSpec;
use portreeve_policy::{Action, Ancestry, Contents, Digest, Executable, Operation, Starter};
use tempfile::TempDir;

use super::{
    super::Command,
    desk::{ALICE, BOB, Desk, at, spec_for},
    kernel::Told,
    running::Running,
};
use crate::subject::{Named, Starters};

const CURL: &str = "/usr/bin/curl";

fn executable(path: &Path) {
    fs::write(path, "ELF").unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// A program of which it matters what it has started.
fn tool() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("tool");
    executable(&path);
    (dir, path)
}

/// The file that is there now.
fn file(path: &Path) -> Executable {
    let text = path.to_str().unwrap();
    let starters = Starters::default();
    starters.name(Named::from([(None, [text.into()].into())]));
    starters.look(None);
    starters.files(text, false)[0]
}

fn from(executable: Executable) -> Ancestry {
    Ancestry {
        executed: [executable].into(),
        ..Ancestry::default()
    }
}

fn and_started(tool: &Path, action: &str) -> RuleSpec {
    RuleSpec {
        and_what_it_starts: Some(true),
        ..spec_for(Operation::Connect, tool.to_str().unwrap(), action)
    }
}

async fn told(desk: &Desk, caller: &Running) -> Option<Told> {
    let call = desk.call(caller, at("192.0.2.1", 443)).await;
    desk.rest().await;
    desk.told(call)
}

#[tokio::test(start_paused = true)]
async fn a_rule_counts_for_what_a_program_has_started_and_for_nothing_else() {
    let desk = Desk::new().await;
    let (_dir, tool) = tool();
    let started = || Running::of(CURL, ALICE).coming_from(from(file(&tool)));
    // The rule comes while one waits.
    let waiting = started();
    let call = desk.call(&waiting, at("192.0.2.1", 443)).await;
    assert_eq!(desk.told(call), None);
    desk.add(&and_started(&tool, "deny")).await;
    desk.rest().await;
    assert!(desk.told(call).is_some_and(Told::denied));
    assert!(told(&desk, &started()).await.is_some_and(Told::denied));
    let itself = Running::of(tool.to_str().unwrap(), ALICE);
    assert!(told(&desk, &itself).await.is_some_and(Told::denied));
    let others = [
        Running::of(CURL, ALICE),
        Running::of(CURL, BOB).coming_from(from(file(&tool))),
        Running::of(CURL, ALICE).coming_from(from(file(
            Path::new("/proc/self/exe")
                .canonicalize()
                .unwrap()
                .as_path(),
        ))),
    ];
    for other in &others {
        assert_eq!(told(&desk, other).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_a_programs_place_now_counts_and_so_does_what_was() {
    let desk = Desk::new().await;
    let (dir, tool) = tool();
    desk.add(&and_started(&tool, "deny")).await;
    desk.rest().await;
    let before = file(&tool);
    executable(&dir.path().join("new"));
    fs::rename(dir.path().join("new"), &tool).unwrap();
    let after = file(&tool);
    assert_ne!(before, after);
    let by_another = Running::of(CURL, ALICE).coming_from(from(after));
    assert_eq!(told(&desk, &by_another).await, None, "nobody has looked");
    // As is done where a caller is looked at that is not known.
    desk.starters.look_for(ALICE);
    for executable in [before, after] {
        let started = Running::of("/usr/bin/wget", ALICE).coming_from(from(executable));
        assert!(told(&desk, &started).await.is_some_and(Told::denied));
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_broker_knows_before_it_judges() {
    let desk = Desk::new().await;
    let (_dir, tool) = tool();
    desk.add(&and_started(&tool, "deny")).await;
    desk.rest().await;
    let generation = desk.kernel.generation();
    let next = desk.followed().await;
    let started = Running::of(CURL, ALICE).coming_from(from(file(&tool)));
    assert!(told(&next, &started).await.is_some_and(Told::denied));
    assert_eq!(
        next.kernel.generation(),
        generation,
        "the rules are the same"
    );
}

#[tokio::test(start_paused = true)]
async fn what_would_become_of_a_call_can_depend_on_who_has_started_the_program() {
    let desk = Desk::new().await;
    let (_dir, tool) = tool();
    let path = tool.to_str().unwrap();
    desk.add(&RuleSpec {
        started_by: Some(path.into()),
        ..spec_for(Operation::Connect, CURL, "allow")
    })
    .await;
    desk.rest().await;
    let explain = async |starter: Option<Starter>| {
        let program = portreeve_policy::Program::Path(CURL.into());
        let call = Box::new((program, Operation::Connect, at("192.0.2.1", 443)));
        let command = |reply| Command::Explain {
            uid: ALICE,
            call,
            starter,
            reply,
        };
        desk.ask(command).await.unwrap().outcome
    };
    assert_eq!(explain(None).await, Action::Ask.as_str());
    assert_eq!(explain(Starter::at(path)).await, "ask", "anybody can be it");
    desk.starters.add(path.into(), file(&tool), true);
    desk.send(Command::Starters).await;
    assert_eq!(explain(Starter::at(path)).await, "allow");
    assert_eq!(explain(Starter::at("/usr/bin/git")).await, "ask");
}

/// What a program starts may be built anew each time: leave for that trusts no file.
#[tokio::test(start_paused = true)]
async fn leave_for_what_a_program_starts_trusts_none_of_it() {
    let desk = Desk::new().await;
    let (_dir, tool) = tool();
    desk.add(&and_started(&tool, "allow")).await;
    desk.rest().await;
    let replaced = Running::of(CURL, ALICE).coming_from(from(file(&tool)));
    assert_eq!(told(&desk, &replaced).await, None, "anybody can be it");
    desk.starters
        .add(tool.to_str().unwrap().into(), file(&tool), true);
    for byte in [1, 2] {
        let contents = Contents::Known(Digest([byte; 32]));
        let built = Running::holding("/home/alice/test", contents, ALICE);
        let built = built.coming_from(from(file(&tool)));
        assert!(
            told(&desk, &built)
                .await
                .is_some_and(|told| told == Told::Kept(0))
        );
    }
}
