//! The programs of a world: started, killed, stopped.

use super::{FIRST, World};
use crate::process::Process;
use crate::programs::Controller;
use crate::{Outcome, fail};

impl World {
    /// Starts those of the first controller and the daemons that do not run, and waits for them.
    ///
    /// # Errors
    /// One does not start.
    pub async fn start_programs(&mut self) -> Outcome {
        if self.controllers.is_empty() {
            self.controllers
                .insert(FIRST.to_owned(), self.kit.controller(FIRST)?);
        }
        for node in &self.nodes {
            if !self.daemons.contains_key(&node.name) {
                self.daemons
                    .insert(node.name.clone(), self.kit.daemon(node)?);
            }
        }
        for daemon in self.daemons.values_mut() {
            daemon.until_ready().await?;
        }
        for controller in self.controllers.values_mut() {
            controller.until_ready().await?;
        }
        Ok(())
    }

    /// A controller that runs.
    ///
    /// # Errors
    /// None of this name does.
    pub fn controller(&mut self, name: &str) -> Outcome<&mut Controller> {
        match self.controllers.get_mut(name) {
            Some(controller) => Ok(controller),
            None => fail(format!("{name} does not run")),
        }
    }

    /// Kills a controller.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill_controller(&mut self, name: &str) -> Outcome {
        match self.controllers.remove(name) {
            Some(controller) => kill(vec![controller.process]).await,
            None => fail(format!("{name} does not run")),
        }
    }

    /// Kills all controllers and daemons at once.
    ///
    /// # Errors
    /// One of them had ended.
    pub async fn kill_all(&mut self) -> Outcome {
        kill(self.take_programs()).await
    }

    fn take_programs(&mut self) -> Vec<Process> {
        let controllers = std::mem::take(&mut self.controllers).into_values();
        let daemons = std::mem::take(&mut self.daemons).into_values();
        controllers
            .map(|controller| controller.process)
            .chain(daemons.map(|daemon| daemon.process))
            .collect()
    }

    /// Stops all programs as a supervisor does.
    ///
    /// # Errors
    /// One of them had ended, or ends with an error.
    pub async fn stop_programs(&mut self) -> Outcome {
        let mut result = Ok(());
        for process in self.take_programs() {
            result = result.and(process.stop().await);
        }
        result
    }

    /// Forgets programs that ended though nobody asked them to.
    ///
    /// # Errors
    /// Some did.
    pub(super) fn all_run(&mut self) -> Outcome {
        let mut ended = Vec::new();
        let mut runs = |process: &mut Process| {
            let runs = process.runs();
            if !runs {
                ended.push(format!(
                    "{} ended by itself; {}",
                    process.name,
                    process.tail()
                ));
            }
            runs
        };
        self.controllers
            .retain(|_, controller| runs(&mut controller.process));
        self.daemons.retain(|_, daemon| runs(&mut daemon.process));
        match ended.is_empty() {
            true => Ok(()),
            false => fail(ended.join("\n")),
        }
    }
}

/// Kills programs at once, without a chance to tidy up.
async fn kill(processes: Vec<Process>) -> Outcome {
    for process in &processes {
        process.signal("KILL").await?;
    }
    for process in processes {
        process.gone().await?;
    }
    Ok(())
}
