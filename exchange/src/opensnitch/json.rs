//! JSON as OpenSnitch's decoder, which is Go's, takes it: keys in any case, and given twice the last one counts.

use std::{fmt, mem::discriminant};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// Reads a text. Keys of `T` have to be in lower case.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    let Folded(value) = serde_json::from_str(text)?;
    serde_json::from_value(value).map_err(|error| {
        // The text itself may tell where it is wrong.
        serde_json::from_str::<T>(text).err().unwrap_or(error)
    })
}

/// A value of which every key is there once, and in lower case.
struct Folded(Value);

impl<'de> Deserialize<'de> for Folded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Folding).map(Self)
    }
}

struct Folding;

impl<'de> Visitor<'de> for Folding {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Folded(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((key, Folded(value))) = map.next_entry::<String, _>()? {
            put(&mut values, folded(&key), value).map_err(A::Error::custom)?;
        }
        Ok(values.into())
    }
}

/// A key as it is compared there.
fn folded(key: &str) -> String {
    // The long s is the one letter beside those of ASCII that is in lower case and means another one.
    key.to_lowercase().replace('ſ', "s")
}

/// Puts a value in its place: what is null leaves it as it is, and an object adds to one that is there.
fn put(values: &mut Map<String, Value>, key: String, value: Value) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    match (values.get_mut(&key), value) {
        (Some(Value::Object(there)), Value::Object(more)) => more
            .into_iter()
            .try_for_each(|(key, value)| put(there, key, value)),
        // One of the two is not of the kind that is expected there.
        (Some(there), value) if discriminant(there) != discriminant(&value) => {
            Err(format!("“{}” is there twice", key.escape_debug()))
        }
        (Some(there), value) => {
            *there = value;
            Ok(())
        }
        (None, value) => {
            values.insert(key, value);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_compared_as_go_does() {
        for (text, expected) in [
            (r#"{"Action": "deny"}"#, json!({"action": "deny"})),
            (r#"{"a": 1, "A": 2, "a": null}"#, json!({"a": 2})),
            (r#"{"ſ\u212a": [{"B": 1.5}]}"#, json!({"sk": [{"b": 1.5}]})),
            (
                r#"{"a": {"b": 1, "c": -1}, "A": {"B": 2, "d": true}}"#,
                json!({"a": {"b": 2, "c": -1, "d": true}}),
            ),
            (r#"[null, "X"]"#, json!([null, "X"])),
        ] {
            assert_eq!(decode::<Value>(text).unwrap(), expected, "{text}");
        }
        assert!(decode::<Value>(r#"{"a": 1, "A": "x"}"#).is_err());
        let error = decode::<Vec<u8>>("[1,\n true]").unwrap_err();
        assert_eq!(error.line(), 2, "{error}");
    }
}
