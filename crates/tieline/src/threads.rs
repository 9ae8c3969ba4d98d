//! Work over independent blocks on as many threads as there are cores.
//!
//! Not modelled: pinning, priorities.

use std::sync::Mutex;

/// Runs the blocks on `threads` threads, each taking the next block that is left.
#[allow(clippy::type_complexity)] // it is the `Spread` of the waveform and of the dispatch, as an impl
pub fn on_threads<B: Send>(threads: usize) -> impl Fn(&mut [B], &(dyn Fn(&mut B) + Sync)) {
    move |blocks, work| {
        let left = Mutex::new(blocks.iter_mut());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let next = left.lock().map(|mut left| left.next()).unwrap_or(None);
                        let Some(block) = next else { break };
                        work(block);
                    }
                });
            }
        });
    }
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
