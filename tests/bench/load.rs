//! The same request over and over.

use std::{net::SocketAddr, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    Outcome,
    client::{Connection, Request},
    timing::{Stopwatch, quantile},
};

/// How long a load lasts before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long it is measured.
const MEASURED: Duration = Duration::from_secs(2);

/// How a server bore a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Answers in a second.
    pub(crate) per_second: f64,
    /// What half of the answers took at most.
    pub(crate) p50: Duration,
    /// What 99 of a hundred took at most.
    pub(crate) p99: Duration,
}

/// Sends a request over so many connections, over each as soon as the last answer is in. Every
/// answer must have that status.
pub(crate) async fn bear(
    address: SocketAddr,
    request: &Request,
    status: u16,
    connections: usize,
) -> Outcome<Load> {
    let a_while = async {
        tokio::time::sleep(MEASURED).await;
        Ok(())
    };
    bear_while(address, request, status, connections, a_while).await
}

/// The same for as long as something takes, which begins when the load has lasted for a while.
pub(crate) async fn bear_while(
    address: SocketAddr,
    request: &Request,
    status: u16,
    connections: usize,
    what: impl Future<Output = Outcome<()>>,
) -> Outcome<Load> {
    let (phase, phases) = watch::channel(Phase::WarmUp);
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(repeat(address, request.clone(), status, phases.clone()));
    }
    tokio::time::sleep(WARM_UP).await;
    phase.send_replace(Phase::Measured);
    let whole = Stopwatch::start();
    let outcome = what.await;
    let lasted = whole.elapsed();
    phase.send_replace(Phase::Over);
    outcome?;
    let mut samples = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        samples.append(&mut ended??);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of a few million")]
    let per_second = samples.len() as f64 / lasted.as_secs_f64();
    Ok(Load { per_second, p50: quantile(&mut samples, 0.5), p99: quantile(&mut samples, 0.99) })
}

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measured,
    Over,
}

async fn repeat(
    address: SocketAddr,
    request: Request,
    status: u16,
    phase: watch::Receiver<Phase>,
) -> Outcome<Vec<Duration>> {
    let mut connection = Connection::open(address).await?;
    let mut samples = Vec::new();
    loop {
        let begun_in = *phase.borrow();
        if begun_in == Phase::Over {
            return Ok(samples);
        }
        let watch = Stopwatch::start();
        connection.ask(&request).await?.must_be(status, &request)?;
        if begun_in == Phase::Measured {
            samples.push(watch.elapsed());
        }
    }
}
