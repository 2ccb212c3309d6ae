//! The probe in the kernel: loading, attaching, taking over, and its maps. The only user of aya.

mod answers;
mod kernel;
mod link;
mod object;
mod prerequisites;
mod uncharged;

use std::{
    hash::{BuildHasher, RandomState},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aya::{
    Btf, Ebpf, EbpfError, EbpfLoader,
    maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, perf::PerfEventArray},
    programs::{Lsm, ProgramError},
};
use portreeve_abi::{Fileid, Hold, Mounter, ProbeConfig, Reach, Standing, mode};

use crate::{
    keep::{Kept, keep},
    object::Answers,
};

pub use kernel::{Holds, Kernel, Mounters, Policy};
pub(crate) use link::program as program_of_link;

/// What can go wrong with the probe.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine cannot run it; the text names what is missing and the fix.
    #[error("cannot enforce on this machine: {0}")]
    Prerequisite(String),
    /// The object is not one of this broker.
    #[error("cannot use the probe object: {0}")]
    Object(String),
    /// The kernel's own type information is not readable.
    #[error("cannot read the kernel's BTF")]
    Btf(#[source] aya::BtfError),
    /// The object could not be loaded.
    #[error("cannot load the probe")]
    Load(#[source] Box<EbpfError>),
    /// A program was refused, by the verifier perhaps; the source has its log.
    #[error("cannot load the program {name}")]
    Program {
        /// The hook.
        name: &'static str,
        /// Why.
        source: Box<ProgramError>,
    },
    /// A program could not be attached.
    #[error("cannot attach the program {name}")]
    Attach {
        /// The hook.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A map could not be used.
    #[error("cannot use the map {name}")]
    Map {
        /// The map.
        name: &'static str,
        /// Why.
        source: Box<MapError>,
    },
    /// A descriptor could not be duplicated.
    #[error("cannot keep the map {name}")]
    Keep {
        /// The map.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    fn map(name: &'static str, source: MapError) -> Self {
        Self::Map {
            name,
            source: Box::new(source),
        }
    }

    fn program(name: &'static str) -> impl FnOnce(ProgramError) -> Self {
        move |source| Self::Program {
            name,
            source: Box::new(source),
        }
    }
}

/// The hooks, each with its program of the same name.
const HOOKS: &[&str] = &[
    // What is running has to be recorded before anybody is judged by it.
    "bprm_creds_from_file",
    "bprm_committed_creds",
    "task_alloc",
    "mmap_file",
    "file_mprotect",
    "ptrace_access_check",
    "ptrace_traceme",
    "socket_connect",
    "socket_sendmsg",
    "socket_create",
    "socket_post_create",
    "socket_bind",
    "socket_listen",
    "socket_setsockopt",
    "sctp_bind_connect",
    "sock_graft",
    "mptcp_add_subflow",
    "task_prctl",
    // Before what notes a file system: a note that stayed behind would be taken for the next one's.
    "sb_delete",
    "sb_kern_mount",
];
/// Hooks whose programs cost every packet something: attached with the first limit on who may connect.
const PEER_HOOKS: &[&str] = &["inet_conn_request", "socket_sock_rcv_skb"];
/// The map of the configuration, by the name of the section of the object that it is.
const CONFIG: &str = ".bss.config";
/// The maps that the next broker needs; those that are not here start anew with it.
const MAPS: &[&str] = &[
    CONFIG,
    "STANDINGS",
    "HOLDS",
    "COUNTERS",
    "LABELS",
    "RUNS",
    "SCRIPTS",
    "REACHES",
    "MOUNTERS",
    answers::MAP,
];

/// The probe. Its programs stay attached as long as anybody has their links; when that ends, the
/// firewall is off.
pub struct Probe {
    /// The loaded programs, until they are attached.
    loaded: Mutex<Option<Ebpf>>,
    links: Mutex<Vec<(&'static str, OwnedFd)>>,
    /// The programs of [`PEER_HOOKS`].
    peer_programs: Vec<(&'static str, OwnedFd)>,
    /// The program of [`answers`] until it is attached; `None` if names cannot be learnt.
    names_program: Mutex<Option<OwnedFd>>,
    answers: Mutex<Option<PerfEventArray<MapData>>>,
    /// The maps' descriptors, to be kept.
    maps: Vec<(&'static str, OwnedFd)>,
    config: Mutex<Configured>,
    standings: Mutex<HashMap<MapData, Fileid, Standing>>,
    holds: HashMap<MapData, u32, Hold>,
    counters: PerCpuArray<MapData, u64>,
    reaches: Mutex<HashMap<MapData, u32, Reach>>,
    mounters: HashMap<MapData, u32, Mounter>,
    /// See [`kernel::this_broker`].
    broker: u64,
}

/// The probe's configuration: the map, and what was written to it last.
struct Configured {
    map: Array<MapData, ProbeConfig>,
    value: ProbeConfig,
}

impl Probe {
    /// Checks that this machine can enforce, and loads the probe. Nothing is attached yet.
    pub fn load() -> Result<Self, Error> {
        prerequisites::check()?;
        object::check()?;
        let btf = Btf::from_sys_fs().map_err(Error::Btf)?;
        let load = || {
            let mut loader = EbpfLoader::new();
            // aya knows nothing of storage of tasks, and need not.
            loader.btf(&btf).allow_unsupported_maps();
            loader.load(object::BYTES)
        };
        let loaded = uncharged::run(load);
        let mut ebpf = loaded.map_err(|error| Error::Load(Box::new(error)))?;
        let mut peer_programs = Vec::new();
        for name in HOOKS.iter().chain(PEER_HOOKS) {
            let program = program(&mut ebpf, name)?;
            let begun = Instant::now();
            program.load(name, &btf).map_err(Error::program(name))?;
            tell(name, program, begun.elapsed());
            if PEER_HOOKS.contains(name) {
                let fd = program.fd().map_err(Error::program(name))?.as_fd();
                let fd = fd.try_clone_to_owned();
                peer_programs.push((*name, fd.map_err(|source| Error::Keep { name, source })?));
            }
        }
        let names_program = answers::load(&mut ebpf, &btf);
        let mut maps = Vec::new();
        for name in MAPS {
            let map = ebpf
                .take_map(name)
                .ok_or_else(|| Error::Object(format!("it has no map {name}")))?;
            maps.push((*name, map));
        }
        let probe = Self::with(Some(ebpf), Vec::new(), peer_programs, maps)?;
        *lock(&probe.names_program) = names_program;
        // Another one would void what is remembered, so it stays as long as the probe.
        let seed = RandomState::new().hash_one(0);
        probe.configure(|config| config.cache_seed = seed)?;
        Ok(probe)
    }

    /// Takes over the attached programs and the maps of a broker that has ended, if they are of the
    /// very object that this one carries.
    pub fn adopt(kept: &mut Kept) -> Result<Option<Self>, Error> {
        let links: Vec<String> = HOOKS.iter().map(|hook| object::kept_name(hook)).collect();
        let maps: Vec<String> = MAPS.iter().map(|map| object::kept_name(map)).collect();
        let programs: Vec<String> = PEER_HOOKS.iter().map(|hook| kept_program(hook)).collect();
        let names = links.iter().chain(&maps).chain(&programs);
        let names: Vec<&str> = names.map(String::as_str).collect();
        let Some(mut taken) = kept.take_all(&names) else {
            return Ok(None);
        };
        let links = HOOKS.iter().zip(&links);
        let links = links.filter_map(|(hook, name)| Some((*hook, taken.remove(name.as_str())?)));
        let mut links: Vec<_> = links.collect();
        let others = PEER_HOOKS.iter().chain([&answers::PROGRAM]);
        links.extend(others.filter_map(|hook| Some((*hook, kept.take(&object::kept_name(hook))?))));
        let programs = PEER_HOOKS.iter().zip(&programs);
        let programs =
            programs.filter_map(|(hook, name)| Some((*hook, taken.remove(name.as_str())?)));
        let programs = programs.collect();
        let mut adopted = Vec::new();
        for (map, name) in MAPS.iter().zip(&maps) {
            let Some(fd) = taken.remove(name.as_str()) else {
                continue;
            };
            let data = MapData::from_fd(fd).map_err(|source| Error::map(map, source))?;
            let data = Map::from_map_data(data).map_err(|source| Error::map(map, source))?;
            adopted.push((*map, data));
        }
        Self::with(None, links, programs, adopted).map(Some)
    }

    fn with(
        loaded: Option<Ebpf>,
        links: Vec<(&'static str, OwnedFd)>,
        peer_programs: Vec<(&'static str, OwnedFd)>,
        mut maps: Vec<(&'static str, Map)>,
    ) -> Result<Self, Error> {
        let mut kept = Vec::new();
        for (name, map) in &maps {
            let keep = |source| Error::Keep { name, source };
            let data = data(map).ok_or_else(|| Error::Object(format!("{name} is no such map")))?;
            kept.push((*name, data.fd().as_fd().try_clone_to_owned().map_err(keep)?));
        }
        let map: Array<MapData, ProbeConfig> = take(&mut maps, CONFIG)?;
        let value = map
            .get(&0, 0)
            .map_err(|source| Error::map(CONFIG, source))?;
        Ok(Self {
            loaded: Mutex::new(loaded),
            links: Mutex::new(links),
            peer_programs,
            names_program: Mutex::default(),
            answers: Mutex::new(Some(take(&mut maps, answers::MAP)?)),
            maps: kept,
            config: Mutex::new(Configured { map, value }),
            standings: Mutex::new(take(&mut maps, "STANDINGS")?),
            holds: take(&mut maps, "HOLDS")?,
            counters: take(&mut maps, "COUNTERS")?,
            reaches: Mutex::new(take(&mut maps, "REACHES")?),
            mounters: take(&mut maps, "MOUNTERS")?,
            broker: kernel::this_broker(),
        })
    }

    /// Attaches every program that is not yet: from here on the configuration is enforced.
    pub fn attach(&self) -> Result<(), Error> {
        let Some(mut ebpf) = lock(&self.loaded).take() else {
            return Ok(());
        };
        let mut links = lock(&self.links);
        for name in HOOKS {
            let program = program(&mut ebpf, name)?;
            let fd = program.fd().map_err(Error::program(name))?;
            links.push((*name, attach(name, fd.as_fd())?));
        }
        if let Some(program) = lock(&self.names_program).take() {
            match attach(answers::PROGRAM, program.as_fd()) {
                Ok(link) => links.push((answers::PROGRAM, link)),
                Err(error) => tracing::warn!("{}", crate::failure::with_causes(&error)),
            }
        }
        Ok(())
    }

    /// Answers to name lookups, from here on; `None` if there are none to be had. To be called once.
    pub fn answers(&self) -> Option<Box<dyn Answers>> {
        let map = lock(&self.answers).take()?;
        match answers::Buffers::open(map) {
            Ok(buffers) => Some(Box::new(buffers)),
            Err(error) => {
                tracing::warn!("cannot learn names from lookups: {error:#}");
                None
            }
        }
    }

    /// Attaches the programs of [`PEER_HOOKS`] unless they are.
    fn attach_peer_hooks(&self) -> Result<(), Error> {
        let mut links = lock(&self.links);
        for (name, program) in &self.peer_programs {
            if links.iter().any(|(attached, _)| attached == name) {
                continue;
            }
            let link = attach(name, program.as_fd())?;
            keep(&object::kept_name(name), link.as_fd());
            links.push((name, link));
        }
        Ok(())
    }

    /// Has everything kept that the next broker needs to take over, in the place of what is in `kept`:
    /// that may be left of a broker that was killed before all of its own were.
    pub fn keep(&self, kept: &mut Kept) {
        let links = lock(&self.links);
        let named = links.iter().chain(&self.maps);
        let named = named.map(|(name, fd)| (object::kept_name(name), fd));
        let programs = self.peer_programs.iter();
        let programs = programs.map(|(name, fd)| (kept_program(name), fd));
        for (name, fd) in named.chain(programs) {
            keep(&name, fd.as_fd());
            drop(kept.take(&name));
        }
    }

    /// Whether calls are judged.
    fn is_enforcing(&self) -> bool {
        let attached = |name: &&str| lock(&self.links).iter().any(|(link, _)| link == name);
        HOOKS.iter().all(attached) && lock(&self.config).value.mode == mode::ENFORCE
    }
}

/// Under which name a program is kept, as its hook's is the link's.
fn kept_program(hook: &str) -> String {
    object::kept_name(&format!("{hook}-program"))
}

fn attach(name: &'static str, program: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    link::attach(program).map_err(|source| Error::Attach { name, source })
}

/// Says what the verifier made of a program that it has just accepted.
fn tell(program: &'static str, loaded: &Lsm, time: Duration) {
    let instructions = loaded
        .info()
        .ok()
        .and_then(|info| info.verified_instruction_count());
    let microseconds = u64::try_from(time.as_micros()).ok();
    tracing::debug!(
        program,
        verified_instructions = instructions,
        microseconds,
        "loaded"
    );
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Lsm, Error> {
    ebpf.program_mut(name)
        .ok_or_else(|| Error::Object(format!("it has no program {name}")))?
        .try_into()
        .map_err(Error::program(name))
}

/// A map by its name; its key and value sizes are checked against the types.
fn take<M: TryFrom<Map, Error = MapError>>(
    maps: &mut Vec<(&'static str, Map)>,
    name: &'static str,
) -> Result<M, Error> {
    let index = maps.iter().position(|(other, _)| *other == name);
    let index = index.ok_or_else(|| Error::Object(format!("it has no map {name}")))?;
    let (_, map) = maps.swap_remove(index);
    map.try_into().map_err(|source| Error::map(name, source))
}

fn data(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::PerCpuArray(data)
        | Map::PerfEventArray(data)
        | Map::SkStorage(data)
        // Storage of tasks, of which aya knows no more than that it is a map.
        | Map::Unsupported(data) => Some(data),
        _ => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
