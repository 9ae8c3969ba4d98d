//! What was found in a trace on the way to even samples, and why one cannot be used.
//!
//! Not modelled: errors of the meter.

/// What was found on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Rows with a stamp.
    pub rows: u64,
    /// Rows without a reading.
    pub missing: u64,
    /// Rows whose stamp lies before that of the row above.
    pub disordered: u64,
    /// Rows that came too late to be put in their place, and were left out.
    pub late: u64,
    /// Rows with the stamp of the row before (left out, or spread where stamps are coarse).
    pub doubled: u64,
    /// Of those, rows with another reading; their extremes count.
    pub differing: u64,
    /// Blocks of rows whose stamps repeat those of earlier rows; they were put behind those, after a gap.
    pub set_back: u64,
    /// Rows whose stamp lies a month or more away, left out.
    pub slipped: u64,
    /// Whether stamps are coarser than the sampling, so that rows of one stamp were spread evenly.
    pub spread: bool,
    /// Holes that were bridged, and the time in them, s.
    pub bridged: u64,
    /// Time in bridged holes, s.
    pub bridged_s: f64,
    /// Gaps that were not.
    pub gaps: u64,
    /// Time in gaps, s.
    pub gap_s: f64,
    /// First gaps: where they begin, s from the start, and how long, s.
    pub first_gaps: Vec<(f64, f64)>,
    /// First stamp, ns.
    pub first_ns: i64,
    /// Last stamp, ns.
    pub last_ns: i64,
    /// Step of the even samples, s.
    pub step_s: f64,
    /// Median time between readings, s.
    pub interval_s: f64,
    /// How often the sensor's value changes, s, where it is read more often than that.
    pub held_s: Option<f64>,
    /// Share of readings that repeat the one before.
    pub repeated: f64,
    /// Least and greatest reading, W.
    pub range_w: (f64, f64),
    /// Time in which the reading stood still where the rest of the trace does not, s.
    pub frozen_s: f64,
    /// Readings repeat and have too few levels to say whether the sensor or the load stood still; to be told.
    pub unknown_update: bool,
    /// What was done to the rows, in words.
    pub remarks: Vec<String>,
    /// Why nothing in this trace can count as shown, in words: readings left out that said something else, a sensor that
    /// stood still. What breaks a limit breaks it all the same.
    pub doubts: Vec<String>,
}

impl Findings {
    /// From the first to the last reading, s.
    #[must_use]
    pub fn span_s(&self) -> f64 {
        (self.last_ns - self.first_ns) as f64 / 1e9
    }

    /// Share of that span that was measured.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        let span_s = self.span_s();
        let unseen_s = self.gap_s + self.bridged_s + self.frozen_s;
        if span_s > 0.0 { (1.0 - unseen_s / span_s).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Time between two readings that may differ, s: of the sampling or of the sensor, whichever is longer.
    #[must_use]
    pub fn update_s(&self) -> f64 {
        self.held_s.map_or(self.interval_s, |held_s| held_s.max(self.interval_s)).max(self.step_s)
    }
}

/// Why readings cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum Unusable {
    /// Fewer than two readings with different stamps.
    TooFew,
    /// Stamps jump by months again and again.
    Jumps,
    /// Rows share stamps: of several devices, it seems.
    Several {
        /// Rows of a stamp.
        rows: usize,
        /// Greatest distance of two readings of a stamp, W.
        apart_w: f64,
    },
    /// The times start over, or step back again and again: at which row.
    StartsOver(u64),
    /// Rows in no order, more than can be held.
    Disorder,
}

impl Unusable {
    /// Whether the user can mend it by saying more.
    #[must_use]
    pub fn asks(&self) -> bool {
        matches!(self, Self::Several { .. } | Self::StartsOver(_))
    }
}

impl core::fmt::Display for Unusable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let choose = "choose one with --where COLUMN=VALUE, or give each a column and add them up with --power a,b";
        match self {
            Self::TooFew => f.write_str("fewer than two readings with different times"),
            Self::Jumps => f.write_str(
                "the times jump by more than a month again and again: is this column the time, in this unit?",
            ),
            Self::Several { rows, apart_w } => write!(
                f,
                "{rows} readings a time, up to {apart_w} W apart: several devices? {choose}; or give --step if they follow \
                 one another in even steps"
            ),
            Self::StartsOver(row) => write!(
                f,
                "the times start over at row {row}: several devices below one another, or a clock that was reset? {choose}, \
                 or one file each"
            ),
            Self::Disorder => {
                f.write_str("the rows are in no order of time, and too many to be put in order: sort them")
            }
        }
    }
}
