//! A machine: cores, and jobs that want them.
//!
//! Cores and the disk are shared evenly: whoever wants less than an even part gets all of
//! it, the rest is divided among the others. Not here: what the jobs are for.
//! Invariant: nobody gets more than was asked for, all together no more than there is.

/// Something that wants CPU.
#[derive(Debug, Clone, Default)]
pub(crate) struct Job {
    /// What is still to be done, us of CPU.
    pub(crate) backlog_us: f64,
    /// Threads that do it.
    pub(crate) threads: f64,
    /// Time that passes for each us of CPU; more than 1 where a disk is waited for.
    pub(crate) stretch: f64,
    /// Blocks that are read for each us of CPU.
    pub(crate) blocks: f64,
    /// How much of the backlog was done in the last step, 1 for all of it.
    pub(crate) done: f64,
    /// What was done in the last step, us.
    pub(crate) served_us: f64,
}

impl Job {
    pub(crate) fn with_threads(threads: f64) -> Self {
        Self {
            threads,
            stretch: 1.0,
            done: 1.0,
            ..Self::default()
        }
    }

    fn serve(&mut self, us: f64) {
        self.done = if self.backlog_us > 0.0 {
            us / self.backlog_us
        } else {
            1.0
        };
        self.served_us = us;
        self.backlog_us = (self.backlog_us - us).max(0.0);
    }
}

/// A machine.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) cores: f64,
    /// Blocks that its disk reads in a step.
    pub(crate) blocks: f64,
    pub(crate) is_up: bool,
    pub(crate) jobs: Vec<Job>,
}

impl Machine {
    /// Lets a step pass; gives the us of CPU that were used.
    pub(crate) fn pass(&mut self, step_us: f64) -> f64 {
        if !self.is_up {
            for job in &mut self.jobs {
                job.done = 0.0;
                job.served_us = 0.0;
            }
            return 0.0;
        }
        let alone = |job: &Job| (step_us * job.threads / job.stretch.max(1.0)).min(job.backlog_us);
        let mut wants: Vec<f64> = self.jobs.iter().map(alone).collect();
        let reads = wants
            .iter()
            .zip(&self.jobs)
            .map(|(us, job)| us * job.blocks);
        let reads: Vec<f64> = reads.collect();
        let threads: Vec<f64> = self.jobs.iter().map(|job| job.threads).collect();
        for (at, read) in fair(&reads, &threads, self.blocks) {
            wants[at] = read / self.jobs[at].blocks;
        }
        for (at, us) in fair(&wants, &threads, self.cores * step_us) {
            wants[at] = us;
        }
        for (job, us) in self.jobs.iter_mut().zip(&wants) {
            job.serve(*us);
        }
        wants.iter().sum()
    }
}

/// Divides what there is: whoever wants less than an even part for each thread gets it all,
/// the others share the rest. Gives those who get less than they want.
fn fair(wants: &[f64], threads: &[f64], mut there_is: f64) -> Vec<(usize, f64)> {
    if wants.iter().sum::<f64>() <= there_is {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..wants.len()).collect();
    let by_thread = |at: &usize| wants[*at] / threads[*at];
    order.sort_by(|one, other| by_thread(one).total_cmp(&by_thread(other)));
    let mut left: f64 = threads.iter().sum();
    let mut short = Vec::new();
    for at in order {
        let part = (there_is / left * threads[at]).max(0.0);
        if wants[at] > part {
            short.push((at, part));
        }
        there_is -= wants[at].min(part);
        left -= threads[at];
    }
    short
}
