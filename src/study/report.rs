//! What came of a study.

use crate::optimize::WalkForwardReport;

/// What came of a study.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StudyReport {
    /// The analysis: a function of the recorded trials, and the same however often the study was interrupted.
    pub walk_forward: WalkForwardReport,
    /// Trials that were run for this report.
    pub evaluated: usize,
    /// Trials that were found recorded by an earlier run.
    pub reused: usize,
}

/// How many trials a study ran, and how many it found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TrialCounts {
    pub(super) evaluated: usize,
    pub(super) reused: usize,
}

impl StudyReport {
    pub(super) fn new(walk_forward: WalkForwardReport, counts: TrialCounts) -> Self {
        Self { walk_forward, evaluated: counts.evaluated, reused: counts.reused }
    }
}
