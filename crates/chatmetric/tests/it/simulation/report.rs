//! What happened in a simulation, in figures: one that met nothing proves nothing.

/// What happened in a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Report {
    pub(super) hours: u64,
    pub(super) lives: u64,
    pub(super) power_cuts: u64,
    pub(super) kills: u64,
    pub(super) poisoned: u64,
    pub(super) posts: u64,
    pub(super) deliveries: u64,
    pub(super) refused: u64,
    pub(super) unknown: u64,
    pub(super) unanswered: u64,
    pub(super) forged: u64,
    pub(super) late: u64,
    /// Events that came before their time, or for a number without an owner.
    pub(super) waited: u64,
    pub(super) bound: u64,
    pub(super) foreign: u64,
    pub(super) compared: u64,
    pub(super) undecided: u64,
    pub(super) rows: u64,
}

impl Report {
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            hours,
            lives,
            power_cuts,
            kills,
            poisoned,
            posts,
            deliveries,
            refused,
            unknown,
            unanswered,
            forged,
            late,
            waited,
            bound,
            foreign,
            compared,
            undecided,
            rows,
        } = other;
        self.hours += hours;
        self.lives += lives;
        self.power_cuts += power_cuts;
        self.kills += kills;
        self.poisoned += poisoned;
        self.posts += posts;
        self.deliveries += deliveries;
        self.refused += refused;
        self.unknown += unknown;
        self.unanswered += unanswered;
        self.forged += forged;
        self.late += late;
        self.waited += waited;
        self.bound += bound;
        self.foreign += foreign;
        self.compared += compared;
        self.undecided += undecided;
        self.rows += rows;
    }
}
