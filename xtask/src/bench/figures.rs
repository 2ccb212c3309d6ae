//! What the lab machine has measured.

use std::io::Read;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Most memory that the broker may hold, in KiB.
const MOST_RESIDENT: f64 = 20.0 * 1024.0;
/// Most of a processor that the broker may take at 1,000 known connections a second, in percent.
const MOST_BUSY: f64 = 1.0;

/// Most wake-ups in an idle minute. The watchdog's alone: it looks twice in its period of a minute, and
/// each time the thread that serves the gate and the loop that decides have to show that they go on,
/// since a broker that does not makes everybody wait.
const MOST_WAKEUPS: f64 = 12.0;

/// What having no firewall is called.
pub(crate) const NONE: &str = "none";

/// The figures of one boot.
#[derive(Debug)]
pub(crate) struct Figures {
    medians: Value,
    pub(crate) broker: Option<Broker>,
}

/// What the broker takes.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) resident_kib: f64,
    pub(crate) idle_seconds: f64,
    pub(crate) idle_wakeups: f64,
    pub(crate) busy_percent: f64,
}

impl Figures {
    /// Reads what `tests/bench/run` has left.
    pub(crate) fn read(file: impl Read) -> Result<Self> {
        let mut value: Value =
            serde_json::from_reader(file).context("cannot read the measured figures")?;
        let broker = match value.get("broker") {
            Some(broker) => Some(Broker::read(broker)?),
            None => None,
        };
        Ok(Self {
            medians: value["figures"].take(),
            broker,
        })
    }

    /// The nanoseconds that an operation takes with a firewall: the median of its rounds.
    pub(crate) fn nanoseconds(&self, firewall: &str, operation: &str) -> Result<f64> {
        median(self.rounds(firewall, operation).collect())
            .with_context(|| format!("cannot find figures of {operation} with {firewall}"))
    }

    /// How many times the time without a firewall that is: the median of the rounds' ratios, because
    /// a round's two figures are nearer in time, and so more alike in what else the host did.
    pub(crate) fn ratio(&self, firewall: &str, operation: &str) -> Result<f64> {
        let pairs = self
            .rounds(firewall, operation)
            .zip(self.rounds(NONE, operation));
        median(pairs.map(|(with, without)| with / without).collect())
            .with_context(|| format!("cannot compare {operation} with {firewall}"))
    }

    fn rounds(&self, firewall: &str, operation: &str) -> impl Iterator<Item = f64> {
        let rounds = self.medians[firewall][operation].as_array();
        rounds.into_iter().flatten().filter_map(Value::as_f64)
    }
}

impl Broker {
    fn read(value: &Value) -> Result<Self> {
        let number = |name: &str| {
            let number = value[name].as_f64();
            number.with_context(|| format!("cannot find the broker's {name}"))
        };
        Ok(Self {
            resident_kib: number("resident_kib")?,
            idle_seconds: number("idle_seconds")?,
            idle_wakeups: number("idle_wakeups")?,
            busy_percent: number("busy_percent")?,
        })
    }

    /// The limits that are exceeded, in words.
    pub(crate) fn exceeded(&self) -> Vec<String> {
        let limits = [
            ("resident memory", self.resident_kib, MOST_RESIDENT, "KiB"),
            (
                "wake-ups while idle",
                self.idle_wakeups,
                MOST_WAKEUPS,
                "a minute",
            ),
            ("processor time", self.busy_percent, MOST_BUSY, "%"),
        ];
        limits
            .iter()
            .filter(|(_, found, most, _)| found > most)
            .map(|(name, found, most, unit)| {
                format!("  the broker's {name}: {found:.1} {unit}, at most {most:.1}")
            })
            .collect()
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn takes_the_median_of_the_rounds() {
        let text = r#"{"figures": {"none": {"spawn": [3.0, 100.0, 2.0]}}}"#;
        let figures = Figures::read(text.as_bytes()).expect("figures");
        assert_eq!(figures.nanoseconds("none", "spawn").ok(), Some(3.0));
        assert!(figures.nanoseconds("none", "unix_send").is_err());
        assert!(figures.broker.is_none());
    }

    #[test]
    fn compares_within_each_round() {
        let text = r#"{"figures": {"none": {"spawn": [1.0, 10.0, 2.0]},
                       "portreeve": {"spawn": [1.5, 20.0, 2.0]}}}"#;
        let figures = Figures::read(text.as_bytes()).expect("figures");
        assert_eq!(figures.ratio("portreeve", "spawn").ok(), Some(1.5));
        assert!(figures.ratio("opensnitch", "spawn").is_err());
    }

    #[test]
    fn names_what_the_broker_takes_too_much_of() {
        let text = r#"{"figures": {}, "broker": {"resident_kib": 30000, "idle_seconds": 60,
                       "idle_wakeups": 0, "busy_percent": 0.5}}"#;
        let figures = Figures::read(text.as_bytes()).expect("figures");
        let exceeded = figures.broker.expect("the broker's figures").exceeded();
        assert_eq!(exceeded.len(), 1);
        assert!(exceeded[0].contains("memory"), "{exceeded:?}");
    }
}
