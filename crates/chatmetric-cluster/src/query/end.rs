//! The end of a log, for many askers at once.
//!
//! Whoever waits while the leader is asked for another asker shares the next answer, so the
//! leader is asked once at a time however many ask. Not here: how it is asked. Invariant: an
//! answer that is given to an asker was asked for after the asker came.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// The end of one log.
#[derive(Debug, Default)]
pub(crate) struct End {
    /// How often the leader was asked.
    begun: AtomicU64,
    /// The last answer, and the number of its question.
    told: Mutex<(u64, u64)>,
}

impl End {
    /// The end, as `ask` tells it when it is called after this was.
    pub(crate) async fn get<E, F>(&self, ask: impl FnOnce() -> F) -> Result<u64, E>
    where
        F: Future<Output = Result<u64, E>>,
    {
        let wanted = self.begun.load(Ordering::SeqCst).saturating_add(1);
        let mut told = self.told.lock().await;
        if told.0 >= wanted {
            return Ok(told.1);
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let last = ask().await?;
        *told = (number, last);
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::{Notify, Semaphore};

    #[test]
    fn who_came_after_the_question_gets_the_next_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let end = Arc::new(End::default());
            let (asked, may_answer) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
            let log = Arc::new(AtomicU64::new(10));
            let questions = Arc::new(AtomicU64::new(0));
            let ask = || {
                let (end, asked) = (Arc::clone(&end), Arc::clone(&asked));
                let (log, may_answer) = (Arc::clone(&log), Arc::clone(&may_answer));
                let questions = Arc::clone(&questions);
                tokio::spawn(async move {
                    let answer = end.get(|| async {
                        questions.fetch_add(1, Ordering::SeqCst);
                        // The leader reads, and its answer is on the way for a while.
                        let last = log.load(Ordering::SeqCst);
                        asked.notify_one();
                        may_answer.acquire().await.unwrap().forget();
                        Ok::<u64, ()>(last)
                    });
                    answer.await.unwrap()
                })
            };
            let first = ask();
            asked.notified().await;
            log.store(11, Ordering::SeqCst);
            let later: Vec<_> = (0..20).map(|_| ask()).collect();
            tokio::task::yield_now().await;
            may_answer.add_permits(1);
            assert_eq!(first.await.unwrap(), 10);
            may_answer.add_permits(100);
            for one in later {
                assert_eq!(one.await.unwrap(), 11);
            }
            assert_eq!(questions.load(Ordering::SeqCst), 2);
        });
    }
}
