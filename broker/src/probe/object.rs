//! The probe's object file, built by build.rs and carried in the broker's executable.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

use object::{Object, ObjectSection};
use portreeve_abi::{ABI_SECTION, ABI_VERSION};

use super::Error;

/// The object file.
pub(super) static BYTES: &[u8] = aya::include_bytes_aligned!(env!("PROBE_OBJECT"));

/// Under which name a descriptor of the probe is kept: it goes with this very object, whose programs
/// and maps fit each other.
pub(super) fn kept_name(name: &str) -> String {
    format!("probe-{:016x}-{name}", *HASH)
}

/// Reckoned once: a broker that starts needs it for each descriptor, and calls wait for it.
static HASH: LazyLock<u64> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    BYTES.hash(&mut hasher);
    hasher.finish()
});

/// Refuses an object that speaks another version of `abi`.
pub(super) fn check() -> Result<(), Error> {
    let file = object::File::parse(BYTES).map_err(|error| Error::Object(error.to_string()))?;
    let section = file
        .section_by_name(ABI_SECTION)
        .ok_or_else(|| Error::Object(format!("it has no section {ABI_SECTION}")))?;
    let data = section
        .data()
        .map_err(|error| Error::Object(error.to_string()))?;
    if data == ABI_VERSION.to_ne_bytes() {
        Ok(())
    } else {
        Err(Error::Object(format!(
            "it is not of ABI version {ABI_VERSION}"
        )))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_object_in_the_executable_is_of_this_abi() {
        super::check().unwrap();
    }
}
