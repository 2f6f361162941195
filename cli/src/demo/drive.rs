//! Drives a demo to its end: the schedules, the day of the stores, the orders that come late, and the wait until all
//! have ended.

use std::time::{Duration, Instant};

use dougong_cloud::InvokeError;

use crate::arguments::Pace;
use crate::demo::world::{PULL_EVENT, RESCAN_EVENT, World};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::words;

/// How a demo's documents came to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every document has ended.
    Complete,
    /// Nothing moved any more.
    Stalled,
}

/// Pulls and sweeps by schedule until every document has ended, then reads the whole day once more to see that nothing is
/// doubled.
pub(crate) async fn drive(world: &World, pace: Pace, progress: &mut Progress) -> Result<Ending, Failure> {
    let rhythm = Rhythm::of(pace);
    let ending = tokio::select! {
        ending = watch(world, rhythm, progress) => ending?,
        error = schedule(world, rhythm) => return Err(cannot_start(world, &error, progress)),
        error = world.live_store_day(rhythm.sweep_every) => return Err(cannot_start(world, &error, progress)),
    };
    if ending == Ending::Complete {
        progress.say(words::SETTLING);
        // What a re-scan finds, and what a killed function left, must change nothing.
        let _ = world.stack.pull(RESCAN_EVENT).await;
        world.sweep_again().await;
        let _ = tokio::time::timeout(rhythm.stalled, world.stack.idle()).await;
    }
    Ok(ending)
}

/// How often things happen.
#[derive(Debug, Clone, Copy)]
struct Rhythm {
    pull_every: Duration,
    sweep_every: Duration,
    look_every: Duration,
    stalled: Duration,
}

impl Rhythm {
    const fn of(pace: Pace) -> Self {
        match pace {
            Pace::Fast => Self {
                pull_every: Duration::from_secs(2),
                sweep_every: Duration::from_secs(5),
                look_every: Duration::from_millis(250),
                // Longer than the five minutes after which it is believed that something is not there.
                stalled: Duration::from_mins(7),
            },
            Pace::Real => Self {
                pull_every: Duration::from_secs(30),
                sweep_every: Duration::from_mins(2),
                look_every: Duration::from_secs(1),
                stalled: Duration::from_mins(10),
            },
        }
    }
}

/// Sends the schedule's event again and again; comes back only when the function cannot start at all.
async fn schedule(world: &World, rhythm: Rhythm) -> InvokeError {
    loop {
        if let Err(error @ InvokeError::Init { .. }) = world.stack.pull(PULL_EVENT).await {
            return error;
        }
        tokio::time::sleep(rhythm.pull_every).await;
    }
}

/// Waits until every document has ended; lets the late orders complete when half of the day is done.
async fn watch(world: &World, rhythm: Rhythm, progress: &mut Progress) -> Result<Ending, Failure> {
    let mut last = (0, Instant::now());
    let mut late_are_out = false;
    let lang = progress.lang();
    loop {
        let looked = Instant::now();
        let look = world.look().await?;
        let (booked, parked, total) = look.progress();
        let ended = booked + parked;
        let line = || words::progress(lang, booked, parked, total);
        progress.show(ended, total, line);
        if !late_are_out && ended * 2 >= total {
            late_are_out = true;
            world.complete_late_orders();
            continue;
        }
        if look.is_clean() {
            return Ok(Ending::Complete);
        }
        if ended != last.0 {
            last = (ended, Instant::now());
        } else if last.1.elapsed() > rhythm.stalled {
            return Ok(Ending::Stalled);
        }
        // Looking at a large day takes a while itself: most of the machine is for the functions.
        tokio::time::sleep(rhythm.look_every.max(looked.elapsed() * 5)).await;
    }
}

fn cannot_start(world: &World, error: &InvokeError, progress: &Progress) -> Failure {
    world.logs.last_words().iter().for_each(|line| progress.line(line));
    let lang = progress.lang();
    Failure::caused(lang, error, lang.pick(words::REPORT_BUG))
}
