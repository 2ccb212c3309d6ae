//! Versions of Flatpaks that were seen where they are installed, to be known when they have been replaced.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use portreeve_abi::Fileid;
use portreeve_policy::Application;
use rustix::fs::Statx;

use super::fileid;

/// Deployments remembered; all are forgotten when there are more. Only root can make any.
const REMEMBERED: usize = 1024;

/// A directory, and when it was made (seconds and nanoseconds): its number is given again when it is gone. File
/// systems that do not know the time have none here.
type Directory = (Fileid, i64, u32);

/// Which application each deployment is of. It is moved whole when it is replaced, so the directory stays the same;
/// what it says of itself there is its vendor's word, and not read.
#[derive(Default)]
pub(in crate::subject) struct Deployments(Mutex<HashMap<Directory, Application>>);

impl Deployments {
    /// Notes that the deployment with this directory is installed as that application.
    pub(super) fn note(&self, directory: &Statx, application: &Application) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = told(directory);
        if known.len() >= REMEMBERED && !known.contains_key(&directory) {
            known.clear();
        }
        known.insert(directory, application.clone());
    }

    /// The application that the deployment with this directory was last installed as, if that was seen.
    pub(super) fn application(&self, directory: &Statx) -> Option<Application> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&told(directory)).cloned()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

fn told(directory: &Statx) -> Directory {
    let born = directory.stx_btime;
    (fileid(directory), born.tv_sec, born.tv_nsec)
}
