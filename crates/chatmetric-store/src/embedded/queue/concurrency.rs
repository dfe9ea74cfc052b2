//! The queue in many orders of its threads (`cargo xtask concurrency`).
//!
//! Not here: what a writer does with its jobs. Invariant of every test: each job is completed
//! once, by the writer that took it or by the sender whose push was refused.

use super::*;
use chatmetric_core::{Fingerprint, MessageStatus};
use chatmetric_sim::schedules::explore;
use shuttle::thread;
use std::sync::Arc;

const EVENTS_MAX: usize = 5;

/// Who completed each job, and how. A lock of std: it is no place to change threads at.
#[derive(Clone, Default)]
struct Completed(Arc<std::sync::Mutex<Vec<(usize, bool)>>>);

impl Completed {
    fn job(&self, id: usize, events: usize) -> Job {
        let batch = Batch {
            source: "w1".into(),
            received_at: EpochMs(0),
            events: vec![event(id); events],
            sealed: Vec::new(),
            ignored: 0,
        };
        let completed = self.clone();
        let done: Completion = Box::new(move |result| completed.add(id, result.is_ok()));
        Job::Batch(batch, None, done)
    }

    fn command(&self, id: usize) -> Job {
        let completed = self.clone();
        let done: CommandDone = Box::new(move |result| completed.add(id, result.is_ok()));
        Job::Command(Command::Rotate, done)
    }

    fn add(&self, id: usize, taken: bool) {
        self.0
            .lock()
            .expect("no test panics here")
            .push((id, taken));
    }

    fn all(&self) -> Vec<(usize, bool)> {
        self.0.lock().expect("no test panics here").clone()
    }
}

fn event(id: usize) -> StatusEvent {
    StatusEvent {
        fingerprint: Fingerprint(id as u128),
        number: PhoneNumber::parse("15550100101").expect("digits"),
        status: MessageStatus::Sent,
        at: EpochMs(0),
        target: crate::api::Target::Space(SpaceKey(0)),
    }
}

/// What a writer does: takes until the queue is closed and empty, and completes.
fn write(queue: &Queue) {
    let mut jobs = Vec::new();
    while queue.take(&mut jobs) {
        assert!(!jobs.is_empty(), "woken for nothing");
        let alone = jobs.iter().any(|job| matches!(job, Job::Command(..)));
        assert!(!alone || jobs.len() == 1, "a command is taken alone");
        for job in jobs.drain(..) {
            match job {
                Job::Batch(.., done) => done(Ok(crate::api::Receipt::default())),
                Job::Command(_, done) | Job::Fold(_, done) => done(Ok(0)),
            }
        }
    }
    assert!(jobs.is_empty(), "what was taken at the end is told");
}

fn push(queue: &Queue, job: Job) {
    if let Err(refused) = queue.push(job) {
        refused.answer();
    }
    let queued = queue.events();
    // A command does not wait for room.
    assert!(queued <= EVENTS_MAX + 1, "{queued} events are queued");
}

/// Three senders, a writer, and a stop in the middle.
#[test]
fn every_job_is_completed_once_and_none_is_lost() {
    explore(|| {
        let queue = Arc::new(Queue::new(EVENTS_MAX, 1024));
        let completed = Completed::default();
        let mut threads = Vec::new();
        for sender in 0..3 {
            let (queue, completed) = (Arc::clone(&queue), completed.clone());
            threads.push(thread::spawn(move || {
                push(&queue, completed.job(10 * sender, 2));
                if sender == 0 {
                    push(&queue, completed.command(1));
                }
                push(&queue, completed.job(10 * sender + 2, 2));
            }));
        }
        for work in [write, Queue::close] {
            let queue = Arc::clone(&queue);
            threads.push(thread::spawn(move || work(&queue)));
        }
        for thread in threads {
            thread.join().expect("no panic");
        }
        let all = completed.all();
        let mut ids: Vec<usize> = all.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [0, 1, 2, 10, 12, 20, 22]);
        assert_eq!(queue.events(), 0, "nothing is left");
        for sender in 0..3 {
            let of_sender = |(id, taken): &&(usize, bool)| *taken && id / 10 == sender;
            let taken = all.iter().filter(of_sender).map(|(id, _)| *id);
            assert!(taken.is_sorted(), "in the order in which they were sent");
        }
    });
}

/// The limit is looked at and the job put in under one lock.
#[test]
fn no_order_of_senders_exceeds_the_limit() {
    explore(|| {
        let queue = Arc::new(Queue::new(EVENTS_MAX, 1024));
        let completed = Completed::default();
        let senders: Vec<_> = (0..4)
            .map(|id| {
                let (queue, completed) = (Arc::clone(&queue), completed.clone());
                thread::spawn(move || {
                    push(&queue, completed.job(id, 2));
                    assert!(queue.events() <= EVENTS_MAX, "{}", queue.events());
                })
            })
            .collect();
        for sender in senders {
            sender.join().expect("no panic");
        }
        // Nobody takes: two fit, the other two were told so at once.
        assert_eq!((queue.events(), completed.all().len()), (4, 2));
        assert!(completed.all().iter().all(|(_, taken)| !taken));
        queue.close();
        write(&queue);
        assert_eq!((queue.events(), completed.all().len()), (0, 4));
    });
}

/// Whoever waits when the queue is closed would wait for ever: shuttle sees that.
#[test]
fn a_close_wakes_everybody_who_waits() {
    explore(|| {
        let queue = Arc::new(Queue::new(EVENTS_MAX, 1024));
        let completed = Completed::default();
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || write(&queue))
            })
            .collect();
        push(&queue, completed.job(0, 1));
        queue.close();
        assert!(queue.is_closed());
        push(&queue, completed.job(1, 1));
        for writer in writers {
            writer.join().expect("no panic");
        }
        let mut all = completed.all();
        all.sort_unstable();
        assert_eq!(all, [(0, true), (1, false)]);
    });
}
