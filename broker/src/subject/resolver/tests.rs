//! Tests of who a caller is.

use std::os::unix::fs::symlink;

use portreeve_policy::Digest;

use super::*;

#[test]
fn a_path_counts_only_if_it_leads_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    std::fs::write(&a, "").unwrap();
    std::fs::write(&b, "").unwrap();
    let running = statx_straight(&a).unwrap();
    assert_eq!(
        program(&running, &a),
        Program::Path(a.to_str().unwrap().into())
    );
    assert!(
        !program(&running, &b).is_lasting(),
        "another file is at that path"
    );
    std::fs::remove_file(&a).unwrap();
    assert!(!program(&running, &a).is_lasting(), "it was deleted");
}

#[test]
fn a_path_with_a_link_on_it_is_no_name_for_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let file = dir.join("real/12/tool");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "").unwrap();
    symlink("real", dir.join("link")).unwrap();
    symlink("tool", dir.join("real/12/other")).unwrap();
    let running = statx_straight(&file).unwrap();
    for path in ["link/12/tool", "real/12/other", "link/12/other"] {
        let program = program(&running, &dir.join(path));
        assert!(!program.is_lasting(), "{path}");
    }
    assert!(program(&running, &file).is_lasting());
}

#[test]
fn this_process_is_found_as_itself() {
    let handle = ProcessHandle::open(std::process::id()).unwrap();
    let (stat, path) = handle.executable().unwrap();
    assert!(handle.is_alive());
    assert!(program(&stat, &path).is_lasting());
}

/// This process, as one that runs this program.
fn caller(program: &Program, code: Code) -> Caller {
    let pid = std::process::id();
    Caller {
        subject: Subject {
            uid: 1000,
            program: program.clone(),
            contents: Contents::Unknown,
            process: PolicyProcess {
                pid,
                began: 0,
                run: 1,
                alteration: Alteration::NONE,
            },
            ancestry: Ancestry::default(),
        },
        handle: ProcessHandle::open(pid).unwrap(),
        path: program.shown_path().into(),
        command: String::new(),
        code,
        left_out: Extras::default(),
        service: None,
        lineage: OnceCell::new(),
        turns: turns(),
    }
}

/// Its call is held meanwhile, and has no deadline yet.
#[tokio::test(start_paused = true)]
async fn who_cannot_be_looked_back_from_comes_from_nowhere_known() {
    let tool = Program::at("/usr/bin/tool").unwrap();
    let known = Arc::new(caller(&tool, Code::Own));
    known.trace().await;
    assert!(known.lineage.initialized());
    let stuck = Arc::new(caller(&tool, Code::Own));
    let others = u32::try_from(OF_ONE_USER).unwrap();
    let all_turns = Arc::clone(&stuck.turns).acquire_many_owned(others).await;
    let begun = tokio::time::Instant::now();
    stuck.trace().await;
    assert_eq!(begun.elapsed(), PATIENCE);
    assert_eq!(stuck.lineage.get(), Some(&Lineage::default()));
    drop(all_turns);
}

#[test]
fn what_no_path_leads_to_is_known_by_what_is_in_it_unless_that_runs_anything() {
    let digest = Digest([7; 32]);
    let file = unnamed(
        Fileid {
            device: 1,
            inode: 2,
        },
        Path::new("/usr/bin/tool"),
    );
    let learn = |program: &Program, code, contents| {
        let mut caller = caller(program, code);
        caller.learn(contents);
        assert_eq!(caller.subject.contents, contents);
        caller.subject.program
    };
    let known = Contents::Known(digest);
    let by_contents = learn(&file, Code::Own, known);
    assert_eq!(by_contents.digest(), Some(digest));
    assert_eq!(by_contents.shown_path(), "/usr/bin/tool");
    assert_eq!(learn(&file, Code::Given, known), file);
    assert_eq!(learn(&file, Code::Own, Contents::Unknown), file);
    let path = Program::at("/usr/bin/tool").unwrap();
    assert_eq!(learn(&path, Code::Own, known), path);
}

#[test]
fn a_process_that_has_ended_is_not_alive() {
    let mut child = std::process::Command::new("sleep")
        .arg("600")
        .spawn()
        .unwrap();
    let handle = ProcessHandle::open(child.id()).unwrap();
    assert!(handle.is_alive());
    let began = handle.began().unwrap();
    assert!(ProcessHandle::find(child.id(), began).is_some());
    assert!(
        ProcessHandle::find(child.id(), began - 1).is_none(),
        "another one of this id"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!handle.is_alive());
    assert!(ProcessHandle::find(child.id(), began).is_none());
}
