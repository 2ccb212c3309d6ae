//! Answers of name servers, whatever is in them: none, or one that names an address as hosts are named.
//!
//! Input: an answer's bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_broker::object::fuzzing::names_by;

fuzz_target!(|bytes: &[u8]| {
    let Some(names) = names_by(bytes) else { return };
    assert!(!names.is_empty(), "an answer without a name");
    for name in names {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        assert!(name.bytes().all(allowed), "{name:?}");
        assert!((1..=253).contains(&name.len()), "{name:?}");
        assert!(name.parse::<std::net::IpAddr>().is_err(), "{name:?}");
    }
});
