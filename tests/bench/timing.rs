//! Durations of many.

use std::time::Duration;

pub(crate) use larder_tests::stopwatch::Stopwatch;

/// The duration that `share` (0 to 1) of the samples do not exceed; zero of none.
pub(crate) fn quantile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index into a few million samples"
    )]
    let index = (samples.len() as f64 * share) as usize;
    samples.get(index).or(samples.last()).copied().unwrap_or_default()
}

/// The middle of the samples.
pub(crate) fn median(mut samples: Vec<Duration>) -> Duration {
    quantile(&mut samples, 0.5)
}
