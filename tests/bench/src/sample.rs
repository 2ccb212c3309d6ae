//! Timing of batches, and what is made of the samples.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// How many calls one sample is the mean of: the clock is read twice for each batch, and so hardly
/// counts.
pub(crate) const BATCH: u32 = 32;

/// Nanoseconds that one of the calls of a batch has taken.
pub(crate) fn time_batch(mut call: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    for number in 0..BATCH as usize {
        call(number)?;
    }
    Ok(per_call(begun.elapsed(), BATCH))
}

/// Nanoseconds for each of `calls` calls.
pub(crate) fn per_call(time: Duration, calls: u32) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(calls)
}

/// The samples as a JSON object: `operation`, and `min`, `median` and `p99` in nanoseconds.
pub(crate) fn summary(operation: &str, mut samples: Vec<f64>) -> Result<String> {
    samples.sort_by(f64::total_cmp);
    let at = |hundredths: usize| samples.get((samples.len() - 1) * hundredths / 100);
    let (min, median, p99) = samples
        .first()
        .and_then(|min| Some((min, at(50)?, at(99)?)))
        .context("cannot sum up no samples")?;
    Ok(format!(
        r#"{{"operation":"{operation}","min":{min:.1},"median":{median:.1},"p99":{p99:.1}}}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn sums_up_samples_in_any_order() {
        let samples = (0..=200).rev().map(f64::from).collect();
        assert_eq!(
            summary("spawn", samples).expect("samples"),
            r#"{"operation":"spawn","min":0.0,"median":100.0,"p99":198.0}"#
        );
        assert!(summary("spawn", Vec::new()).is_err());
    }
}
