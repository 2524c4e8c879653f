//! Runs one scenario: the world around it, and its end, whatever happens in it.

use std::fs::{self, File};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use tokio::runtime::Builder;

use crate::stack::{self, Stack};
use crate::world::World;
use crate::{Failure, Outcome};

/// Runs `body` on a stack with our programs, then takes everything away and looks whether it is
/// gone. `scratch` is the folder for logs; those of the last run stay there.
///
/// Without [`KURYR_E2E=1`](stack::SWITCH) it only says so.
///
/// # Panics
/// If the body or the end fails: that is how a test fails.
pub fn run(scratch: &str, name: &str, body: impl AsyncFnOnce(&mut World) -> Outcome) {
    if !stack::wanted() {
        eprintln!(
            "{name}: skipped: {}=1 is not set; `cargo xtask test --only e2e-ovn` starts a stack \
             and runs it",
            stack::SWITCH
        );
        return;
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let result = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(alone(Path::new(scratch), name, body)));
    if let Err(why) = result {
        panic!("{name}: {why}");
    }
}

/// One scenario at a time on this machine.
async fn alone(
    scratch: &Path,
    name: &str,
    body: impl AsyncFnOnce(&mut World) -> Outcome,
) -> Outcome {
    fs::create_dir_all(scratch)?;
    let lock = File::create(scratch.join("e2e.lock"))?;
    lock.lock()?;
    let stack = Stack::of_environment()?;
    eprintln!("scenario {name}, ML2/{}", stack.backend);
    within(World::open(stack, &folder(scratch, name)?).await?, body).await
}

/// A folder for this run, empty.
fn folder(scratch: &Path, name: &str) -> Outcome<PathBuf> {
    let dir = scratch.join(format!("e2e-{name}"));
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

async fn within(mut world: World, body: impl AsyncFnOnce(&mut World) -> Outcome) -> Outcome {
    let progress = world.progress.clone();
    let started = progress
        .step("programs started, nodes ready", world.start())
        .await;
    let outcome = match started {
        // A panic is a failure of an assertion; what was made is taken away all the same.
        Ok(()) => AssertUnwindSafe(body(&mut world)).catch_unwind().await,
        Err(why) => Ok(Err(why)),
    };
    if !matches!(outcome, Ok(Ok(()))) {
        show_logs(&world);
        show_deaths(&world).await;
    }
    let end = world.close().await;
    match outcome {
        Ok(Ok(())) => end,
        Ok(Err(why)) => match end {
            Ok(()) => Err(why),
            Err(more) => Err(format!("{why}\nand at the end: {more}").into()),
        },
        Err(panic) => {
            if let Err(more) = end {
                progress.say(format!("at the end: {more}"));
            }
            std::panic::resume_unwind(panic)
        }
    }
}

/// A service of the stack that died may be why.
async fn show_deaths(world: &World) {
    let deaths = world.stack.deaths().await;
    let said = match &deaths {
        Ok(none) if none.trim().is_empty() => "nothing of the stack ended by itself".to_owned(),
        Ok(some) => format!("of the stack ended by itself, and was started again:\n{some}"),
        Err(why) => format!("what of the stack ended by itself can't be told: {why}"),
    };
    world.progress.say(said);
}

fn show_logs(world: &World) {
    let controllers = world.controllers.values().map(|c| &c.process);
    let daemons = world.daemons.values().map(|d| &d.process);
    for process in controllers.chain(daemons) {
        world.progress.say(process.tail());
    }
}
