//! The probe in the kernel: loading, attaching, and its maps. The only user of aya.

mod kernel;
mod notices;
mod object;
mod prerequisites;

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aya::{
    Btf, Ebpf, EbpfError, EbpfLoader,
    maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray},
    programs::{Lsm, ProgramError},
};
use portreeve_abi::{CacheKey, CacheValue, Fileid, Hold, ProbeConfig, Standing};

pub use kernel::Kernel;
pub use notices::Notices;

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
    #[error("cannot {verb} the program {name}")]
    Program {
        /// `load` or `attach`.
        verb: &'static str,
        /// The hook.
        name: &'static str,
        /// Why.
        source: Box<ProgramError>,
    },
    /// A map could not be used.
    #[error("cannot use the map {name}")]
    Map {
        /// The map.
        name: &'static str,
        /// Why.
        source: Box<MapError>,
    },
    /// The ring buffer could not be waited for.
    #[error("cannot watch the ring buffer")]
    Ring(#[source] io::Error),
}

impl Error {
    fn map(name: &'static str, source: MapError) -> Self {
        Self::Map {
            name,
            source: Box::new(source),
        }
    }
}

/// The hooks, each with its program of the same name.
const HOOKS: [&str; 2] = ["socket_connect", "socket_sendmsg"];

/// The loaded probe. Dropping it detaches the programs: the firewall is off then.
pub struct Probe {
    programs: Mutex<Ebpf>,
    config: Mutex<Configured>,
    cache: Mutex<HashMap<MapData, CacheKey, CacheValue>>,
    standings: Mutex<HashMap<MapData, Fileid, Standing>>,
    holds: HashMap<MapData, u32, Hold>,
    counters: PerCpuArray<MapData, u64>,
}

/// The probe's configuration: the map, and what was written to it last.
struct Configured {
    map: Array<MapData, ProbeConfig>,
    value: ProbeConfig,
}

impl Probe {
    /// Checks that this machine can enforce, and loads the probe. Nothing is attached yet.
    pub fn load() -> Result<(Self, Notices), Error> {
        prerequisites::check()?;
        object::check()?;
        let btf = Btf::from_sys_fs().map_err(Error::Btf)?;
        let mut ebpf = EbpfLoader::new()
            .btf(&btf)
            .load(object::BYTES)
            .map_err(|error| Error::Load(Box::new(error)))?;
        for name in HOOKS {
            program(&mut ebpf, "load", name)?
                .load(name, &btf)
                .map_err(|source| Error::Program {
                    verb: "load",
                    name,
                    source: Box::new(source),
                })?;
        }
        let notices = Notices::new(take(&mut ebpf, "NOTICES")?)?;
        let probe = Self {
            config: Mutex::new(Configured {
                map: take(&mut ebpf, "CONFIG")?,
                value: ProbeConfig::default(),
            }),
            cache: Mutex::new(take(&mut ebpf, "CACHE")?),
            standings: Mutex::new(take(&mut ebpf, "STANDINGS")?),
            holds: take(&mut ebpf, "HOLDS")?,
            counters: take(&mut ebpf, "COUNTERS")?,
            programs: Mutex::new(ebpf),
        };
        Ok((probe, notices))
    }

    /// Attaches every program: from here on the configuration is enforced.
    pub fn attach(&self) -> Result<(), Error> {
        let mut ebpf = lock(&self.programs);
        for name in HOOKS {
            program(&mut ebpf, "attach", name)?
                .attach()
                .map_err(|source| Error::Program {
                    verb: "attach",
                    name,
                    source: Box::new(source),
                })?;
        }
        Ok(())
    }
}

fn program<'a>(
    ebpf: &'a mut Ebpf,
    verb: &'static str,
    name: &'static str,
) -> Result<&'a mut Lsm, Error> {
    ebpf.program_mut(name)
        .ok_or_else(|| Error::Object(format!("it has no program {name}")))?
        .try_into()
        .map_err(|source| Error::Program {
            verb,
            name,
            source: Box::new(source),
        })
}

/// Takes a map out of the object; its key and value sizes are checked against the types.
fn take<M: TryFrom<Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<M, Error> {
    ebpf.take_map(name)
        .ok_or_else(|| Error::Object(format!("it has no map {name}")))?
        .try_into()
        .map_err(|source| Error::map(name, source))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
