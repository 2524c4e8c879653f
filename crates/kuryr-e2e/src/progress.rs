//! What a test says while it runs, and how it waits.

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::{Outcome, fail};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Prints lines, each with the time since the beginning.
#[derive(Clone, Debug)]
pub struct Progress {
    begin: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
        }
    }
}

impl Progress {
    /// Says that something is so now.
    pub fn say(&self, what: impl Display) {
        eprintln!("{:7.1} s  {what}", self.begin.elapsed().as_secs_f64());
    }

    /// Says what is done and how long it took.
    ///
    /// # Errors
    /// What `work` ends with.
    pub async fn step<T>(
        &self,
        what: impl Display,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<T> {
        let begin = Instant::now();
        let result = work.await;
        let took = begin.elapsed().as_secs_f64();
        match &result {
            Ok(_) => self.say(format!("{what} ({took:.1} s)")),
            Err(why) => self.say(format!("{what}: FAILED after {took:.1} s: {why}")),
        }
        result.map_err(|why| format!("{what}: {why}").into())
    }
}

/// Looks again and again until there is something; an error of a look counts as not yet.
///
/// # Errors
/// `patience` is over; says `what` was waited for, and what the last look said.
pub async fn until<T>(
    what: impl Display,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Outcome<T>,
) -> Outcome<T> {
    let end = Instant::now() + patience;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(why) if Instant::now() >= end => {
                return fail(format!(
                    "waited {} s until {what}: {why}",
                    patience.as_secs()
                ));
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
